"""`mlws data add`, `pull` and `verify` with the manifest answer."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import yaml

from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.file_server import serving

CONTENT = b"question,answer\n" * 20_000
SHA = hashlib.sha256(CONTENT).hexdigest()
METADATA = """\
# Who tries what.
experiment_id: qa-v1
researcher: ann
created: 2026-01-05
status: planned
goal: Know which chunk size answers best  # in one sentence
"""
FOLDER = "experiments/active/ann/qa"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tiny_workspace.make(tmp_path / "work space")
    (made / FOLDER).mkdir(parents=True)
    (made / FOLDER / "metadata.yaml").write_text(METADATA)
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _declare(root: Path, **fields: object) -> None:
    item = {"name": "qa", **fields}
    (root / FOLDER / "metadata.yaml").write_text(f"{METADATA}data: {json.dumps([item])}\n")


def _declared(root: Path) -> list[dict[str, object]]:
    data = yaml.safe_load((root / FOLDER / "metadata.yaml").read_text())["data"]
    assert isinstance(data, list)
    return data


def _stored(root: Path, sha256: str = SHA) -> Path:
    return root / "datasets/large" / sha256[:16] / "qa.parquet"


def _leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / "datasets").rglob("*") if path.is_file()]


def test_an_address_is_declared_with_hash_and_size_and_is_then_there(
    root: Path, mlws: Mlws
) -> None:
    with serving(CONTENT) as server:
        ended = mlws(
            "data", "add", server.url, "--experiment", "ann/qa", "--name", "qa", "--licence", "MIT"
        )
    assert ended.code == 0, ended.err
    assert _declared(root) == [
        {"name": "qa", "uri": server.url, "sha256": SHA, "size": len(CONTENT), "licence": "MIT"}
    ]
    assert (root / FOLDER / "metadata.yaml").read_text().startswith(METADATA)
    assert _stored(root).read_bytes() == CONTENT
    assert mlws("data", "verify").code == 0
    assert "there" in mlws("data", "pull", "qa-v1").out


def test_a_second_declaration_stands_behind_the_first_and_comments_stay(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    one = f"  - name: one  # the first\n    uri: https://example.org/one\n    sha256: {SHA}\n"
    text = f"{METADATA}data:\n  # what we use\n{one}\n# how much it may cost\nbudget:\n  cost: 3\n"
    (root / FOLDER / "metadata.yaml").write_text(text)
    (tmp_path / "two words.csv").write_bytes(CONTENT)
    given = ("--experiment", "qa-v1", "--name", "two: it's", "--licence", "no")
    assert mlws("data", "add", str(tmp_path / "two words.csv"), *given).code == 0
    uri = (tmp_path / "two words.csv").as_uri()
    item = (
        f"  - name: 'two: it''s'\n    uri: {uri}\n    sha256: {SHA}\n"
        f"    size: {len(CONTENT)}\n    licence: 'no'\n"
    )
    assert (root / FOLDER / "metadata.yaml").read_text() == text.replace(one, one + item)


@pytest.mark.parametrize(
    "before", ["data: []\n", "data:\n", "data: [{name: a, uri: 'https://example.org/a'}]\n", ""]
)
def test_every_way_to_write_the_list_takes_another_entry(
    root: Path, mlws: Mlws, tmp_path: Path, before: str
) -> None:
    path = root / FOLDER / "metadata.yaml"
    path.write_text(f"{METADATA}{before}tags: [rag]  # for search\n")
    if before == "data:\n":  # null is no list, and the file is refused as before
        assert mlws("data", "verify", "ann/qa").code == 1
        return
    (tmp_path / "x").write_bytes(CONTENT)
    ended = mlws("data", "add", str(tmp_path / "x"), "--experiment", "ann/qa", "--name", "x")
    assert ended.code == 0, ended.err
    assert _declared(root)[-1]["sha256"] == SHA
    assert "# for search" in path.read_text()


def test_a_name_is_not_given_to_other_data(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(CONTENT)
    given = ("data", "add", str(file), "--experiment", "ann/qa", "--name", "x")
    assert mlws(*given).code == 0
    before = (root / FOLDER / "metadata.yaml").read_text()
    assert "declared already" in mlws(*given).out
    file.write_bytes(b"other")
    ended = mlws(*given)
    assert ended.code == 1
    assert "--name" in ended.err
    assert (root / FOLDER / "metadata.yaml").read_text() == before


def test_a_file_of_the_workspace_is_named_from_its_root(root: Path, mlws: Mlws) -> None:
    (root / FOLDER / "small.csv").write_bytes(CONTENT)
    given = ("--experiment", "ann/qa", "--name", "s")
    assert mlws("data", "add", f"{FOLDER}/small.csv", *given).code == 0
    assert _declared(root)[0]["uri"] == f"{FOLDER}/small.csv"
    assert mlws("data", "pull").code == 0
    (root / FOLDER / "small.csv").write_bytes(b"edited")
    ended = mlws("data", "verify")
    assert ended.code == 1
    assert f"{FOLDER}/small.csv has the sha256" in ended.out


def test_a_uri_for_others_is_written_instead_of_the_path(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    given = ("data", "add", str(tmp_path / "x"), "--experiment", "ann/qa", "--name", "x", "--uri")
    assert mlws(*given, "http://example.org/x").code == 2
    assert mlws(*given, "https://ann:pw@example.org/x").code == 2
    assert mlws(*given, "https://example.org/x").code == 0
    assert _declared(root)[0]["uri"] == "https://example.org/x"


def test_a_folder_is_hashed_by_sorted_paths_and_contents(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    shards = tmp_path / "shards"
    for name in ("b.csv", "a/x.csv", "a-b.csv"):
        (shards / name).parent.mkdir(parents=True, exist_ok=True)
        (shards / name).write_text(name)
    lines = sorted(
        f"{name}\0{hashlib.sha256(name.encode()).hexdigest()}\n"
        for name in ("b.csv", "a/x.csv", "a-b.csv")
    )
    given = ("--experiment", "ann/qa", "--name", "shards")
    assert mlws("data", "add", str(shards), *given).code == 0
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert _declared(root)[0]["sha256"] == expected
    assert mlws("data", "pull").code == 0
    kept = root / "datasets/large" / expected[:16] / "shards"
    assert (kept / "a/x.csv").read_text() == "a/x.csv"
    (kept / "a/x.csv").rename(kept / "a/y.csv")
    assert mlws("data", "verify").code == 1
    assert "pulled" in mlws("data", "pull").out
    assert mlws("data", "verify").code == 0


def test_a_folder_with_a_link_or_a_pipe_is_refused(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    for name in ("link", "pipe"):
        (tmp_path / name).mkdir()
    (tmp_path / "link/out").symlink_to("/etc/hosts")
    os.mkfifo(tmp_path / "pipe/p")
    for path in ("link", "pipe", "pipe/p"):
        ended = mlws("data", "add", str(tmp_path / path), "--experiment", "ann/qa", "--name", "x")
        assert ended.code == 1, path
    assert (root / FOLDER / "metadata.yaml").read_text() == METADATA


def test_a_broken_download_goes_on_with_the_next_command(root: Path, mlws: Mlws) -> None:
    with serving(CONTENT, cut_after=[100_000] + [0] * 4) as server:
        _declare(root, uri=server.url, sha256=SHA)
        ended = mlws("data", "pull", "ann/qa")
        assert ended.code == 4
        assert "broke off after 100000 bytes" in ended.out
        assert not _stored(root).exists()
        assert mlws("data", "verify").code == 4
        server.cut_after.clear()
        assert mlws("data", "pull").code == 0
    assert _stored(root).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=100000-"
    assert _leftovers(root) == ["qa.parquet"]


def test_other_bytes_are_never_used(root: Path, mlws: Mlws) -> None:
    with serving(b"x" + CONTENT[1:]) as server:
        _declare(root, uri=server.url, sha256=SHA)
        ended = mlws("data", "pull")
    assert ended.code == 1
    assert "is not what was declared" in ended.out
    assert _leftovers(root) == []


def test_a_part_of_another_version_is_thrown_away_and_fetched_again(root: Path, mlws: Mlws) -> None:
    part = _stored(root).with_name(".qa.parquet.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"the version before")
    with serving(CONTENT) as server:
        _declare(root, uri=server.url, sha256=SHA)
        assert mlws("data", "pull").code == 0
    assert _stored(root).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_a_spoilt_copy_is_named_and_then_replaced(root: Path, mlws: Mlws) -> None:
    with serving(CONTENT) as server:
        _declare(root, uri=server.url, sha256=SHA)
        assert mlws("data", "pull").code == 0
        _stored(root).write_bytes(b"spoilt")
        ended = mlws("data", "verify", "--json")
        assert ended.code == 1
        (row,) = json.loads(ended.out)
        assert row["state"] == "differs"
        assert row["path"] == f"datasets/large/{SHA[:16]}/qa.parquet"
        assert row["found"] == hashlib.sha256(b"spoilt").hexdigest()
        assert mlws("data", "pull").code == 0
    assert _stored(root).read_bytes() == CONTENT


def test_a_shared_storage_keeps_what_is_added(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    with (root / "mlws.toml").open("a") as file:
        file.write(f'[data]\nstorage = "{shared}"\n')
    (tmp_path / "x.csv").write_bytes(CONTENT)
    given = ("--experiment", "ann/qa", "--name", "x")
    assert mlws("data", "add", str(tmp_path / "x.csv"), *given).code == 0
    (tmp_path / "x.csv").unlink()
    assert mlws("data", "verify").code == 0
    assert mlws("data", "pull").code == 0
    (shared / SHA[:16] / "x.csv").write_bytes(b"spoilt")
    assert mlws("data", "pull").code == 1
    assert mlws("data", "verify").code == 1


@pytest.mark.parametrize(
    ("uri", "code", "said"),
    [
        ("file:///nowhere/qa.csv", 4, "is not there"),
        ("file://server/share/qa.csv", 2, "names no place here"),
        ("s3://bucket/qa.csv", 2, "is not fetched by mlws"),
        ("http://example.org/qa.csv", 2, "is not encrypted"),
        ("../../outside.csv", 2, "leads out of the workspace"),
        ("data/absent.csv", 4, "is not there"),
        ("https://[", 2, "is no address"),
        ("x" * 5000, 1, "too long"),
    ],
)
def test_what_cannot_be_pulled_is_said_and_stops_nothing_else(
    root: Path, mlws: Mlws, tmp_path: Path, uri: str, code: int, said: str
) -> None:
    (tmp_path / "good").write_bytes(CONTENT)
    items = [
        {"name": "bad", "uri": uri, "sha256": "0" * 64},
        {"name": "good", "uri": (tmp_path / "good").as_uri(), "sha256": SHA},
    ]
    (root / FOLDER / "metadata.yaml").write_text(f"{METADATA}data: {json.dumps(items)}\n")
    ended = mlws("data", "pull")
    assert ended.code == code
    assert said in ended.out
    assert "pulled    qa-v1 good" in ended.out
    assert mlws("data", "verify", "--name", "good").code == 0


def test_an_entry_without_a_hash_is_not_judged(root: Path, mlws: Mlws) -> None:
    _declare(root, uri="https://example.org/x")
    ended = mlws("data", "pull")
    assert ended.code == 4
    assert "no sha256 is declared" in ended.out


def test_broken_metadata_does_not_hide_the_data_of_others(root: Path, mlws: Mlws) -> None:
    _declare(root, uri="https://example.org/x", sha256=SHA)
    (root / "experiments/active/ann/other").mkdir()
    (root / "experiments/active/ann/other/metadata.yaml").write_text("goal: [\n")
    ended = mlws("data", "verify")
    assert ended.code == 4
    assert "missing   qa-v1 qa" in ended.out
    assert "ann/other/metadata.yaml" in ended.err


def test_an_unknown_name_is_a_wrong_question(root: Path, mlws: Mlws) -> None:
    _declare(root, uri="https://example.org/x", sha256=SHA)
    assert mlws("data", "pull", "--name", "none").code == 2
    assert mlws("data", "pull", "ann/none").code == 2


@pytest.mark.parametrize(("answer", "tool"), [("lfs", "git lfs"), ("dvc", "dvc")])
@pytest.mark.parametrize("verb", [("add", "x", "--name", "x"), ("pull",), ("verify",)])
def test_where_another_tool_keeps_the_data_it_is_named(
    root: Path, mlws: Mlws, answer: str, tool: str, verb: tuple[str, ...]
) -> None:
    with (root / "mlws.toml").open("a") as file:
        file.write(f'[data]\nanswer = "{answer}"\n')
    ended = mlws("data", *verb)
    assert ended.code == 2
    assert f"use it directly: {tool}" in ended.err
