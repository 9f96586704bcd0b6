"""`mlws model add`, `pull` and `verify`: weights kept by hash, described in git."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.models.weights import manifest, showing
from mlws_scaffold.models.weights.manifest import Manifest, Weights
from mlws_scaffold.workspace.layout import Layout
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.file_server import serving

CONTENT = b"weights " * 40_000
SHA = hashlib.sha256(CONTENT).hexdigest()
FOLDER = "models/checkpoints/ranker"
TEAM = '[team.ann]\nname = "Ann"\nemail = "researcher@example.org"\n'
REGISTRY = """\
models:
  ranker:
    source: custom
    version: v1.0.0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    config = f'{TEAM}[models]\nstorage = "{tmp_path / "nas"}"\n'
    made = tiny_workspace.make(tmp_path / "work space", config=config, registry=REGISTRY)
    (tmp_path / "model.gguf").write_bytes(CONTENT)
    return made


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _add(mlws: Mlws, origin: Path | str, *more: str) -> dict[str, object]:
    ended = mlws("model", "add", "ranker", "--from", str(origin), *more)
    assert ended.code == 0, ended.err
    return _described(mlws.folder)


def _described(root: Path, version: str = "v1.0.0") -> dict[str, object]:
    found = yaml.safe_load((root / FOLDER / f"{version}.yaml").read_text())
    assert isinstance(found, dict)
    return found


def _describe(root: Path, **fields: object) -> None:
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    (root / FOLDER / "v1.0.0.yaml").write_text(yaml.safe_dump(fields))


def _files(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_a_file_is_kept_described_fetched_and_verified(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    found = _add(mlws, tmp_path / "model.gguf", "--licence", "MIT")
    kept = tmp_path / "nas/ranker" / f"v1.0.0-{SHA[:12]}" / "model.gguf"
    assert kept.read_bytes() == CONTENT
    at = found.pop("at")
    assert isinstance(at, datetime)
    assert before <= at.replace(tzinfo=UTC) <= datetime.now(UTC)
    assert found == {
        "uri": kept.as_uri(),
        "sha256": SHA,
        "size": len(CONTENT),
        "licence": "MIT",
        "by": "ann",
    }
    (tmp_path / "model.gguf").unlink()
    assert mlws("model", "verify").code == 0  # judged where it is kept
    assert "pulled ranker v1.0.0" in mlws("model", "pull", "ranker").out
    assert (root / FOLDER / "v1.0.0/model.gguf").read_bytes() == CONTENT
    assert "there ranker v1.0.0" in mlws("model", "pull", "ranker").out
    assert mlws("model", "verify", "ranker").code == 0
    assert _files(root / FOLDER) == ["v1.0.0.yaml", "v1.0.0/model.gguf"]


def test_a_folder_of_weights_is_kept_whole(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    made = tmp_path / "adapter"
    (made / "deep").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "deep/model.safetensors").write_bytes(CONTENT)
    _add(mlws, made)
    assert mlws("model", "pull", "ranker").code == 0
    assert _files(root / FOLDER / "v1.0.0/adapter") == ["config.json", "deep/model.safetensors"]
    (root / FOLDER / "v1.0.0/adapter/config.json").write_text("[]")
    assert mlws("model", "verify").code == 1
    assert mlws("model", "pull", "ranker").code == 0
    assert mlws("model", "verify").code == 0


def test_a_version_stands_for_one_content(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    _add(mlws, tmp_path / "model.gguf")
    before = (root / FOLDER / "v1.0.0.yaml").read_text()
    assert (
        "described already"
        in mlws("model", "add", "ranker", "--from", str(tmp_path / "model.gguf")).out
    )
    (tmp_path / "model.gguf").write_bytes(b"other")
    ended = mlws("model", "add", "ranker", "--from", str(tmp_path / "model.gguf"))
    assert ended.code == 1
    assert "--version" in ended.err
    assert (root / FOLDER / "v1.0.0.yaml").read_text() == before
    assert len(_files(tmp_path / "nas")) == 1
    assert (
        mlws(
            "model", "add", "ranker", "--from", str(tmp_path / "model.gguf"), "--version", "v2"
        ).code
        == 0
    )
    assert _described(root, "v2")["sha256"] == hashlib.sha256(b"other").hexdigest()


def test_adding_again_mends_a_storage_that_lost_or_spoilt_the_file(
    mlws: Mlws, tmp_path: Path
) -> None:
    _add(mlws, tmp_path / "model.gguf")
    (kept,) = (tmp_path / "nas").rglob("model.gguf")
    kept.write_bytes(b"spoilt")
    assert mlws("model", "verify").code == 1
    _add(mlws, tmp_path / "model.gguf")
    assert kept.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ranker", "--from", "nowhere.gguf"), "there is no 'nowhere.gguf'"),
        (("Ranker", "--from", "model.gguf"), "is no name for a model"),
        (("../x", "--from", "model.gguf"), "is no name for a model"),
        (("unknown", "--from", "model.gguf"), "--version"),
        (("ranker", "--from", "model.gguf", "--version", "../v1"), "the version '../v1'"),
        (("ranker", "--from", ""), "there is no ''"),
    ],
)
def test_what_is_asked_wrongly_leaves_nothing(
    root: Path, mlws: Mlws, arguments: tuple[str, ...], said: str
) -> None:
    (root / "model.gguf").write_bytes(CONTENT)
    ended = mlws("model", "add", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert not list((root / "models").glob("checkpoints/*"))


def test_without_a_storage_nothing_is_kept_that_nobody_else_could_get(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    (root / "mlws.toml").write_text((root / "mlws.toml").read_text().replace("storage", "#"))
    ended = mlws("model", "add", "ranker", "--from", str(tmp_path / "model.gguf"))
    assert ended.code == 2
    assert "[models] storage" in ended.err
    assert not list((root / "models").glob("checkpoints/*"))


def test_git_lfs_keeps_weights_where_the_workspace_says_so(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    text = (root / "mlws.toml").read_text().replace("storage", "#")
    (root / "mlws.toml").write_text(f'{text}[data]\nanswer = "lfs"\n')
    assert _add(mlws, tmp_path / "model.gguf")["uri"] == f"{FOLDER}/v1.0.0/model.gguf"
    assert mlws("model", "verify").code == 0
    assert "there" in mlws("model", "pull", "ranker").out
    (root / FOLDER / "v1.0.0/model.gguf").write_text("version https://git-lfs.github.com/spec/v1")
    ended = mlws("model", "pull", "ranker")
    assert ended.code == 4
    assert "git lfs pull" in ended.err


def test_a_dry_run_keeps_nothing(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    ended = mlws("model", "add", "ranker", "--from", str(tmp_path / "model.gguf"), "--dry-run")
    assert ended.code == 0
    assert SHA in ended.out
    assert not (tmp_path / "nas").exists()
    assert not list((root / "models").glob("checkpoints/*"))


def test_a_storage_that_is_mounted_elsewhere_here_is_found(
    root: Path, mlws: Mlws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(mlws, tmp_path / "model.gguf")
    (tmp_path / "nas").rename(tmp_path / "volume")
    assert mlws("model", "pull", "ranker").code == 4
    monkeypatch.setenv("MLWS_MODELS_STORAGE", str(tmp_path / "volume"))
    assert mlws("model", "pull", "ranker").code == 0
    assert (root / FOLDER / "v1.0.0/model.gguf").read_bytes() == CONTENT


def test_a_corrupted_file_is_never_used(root: Path, mlws: Mlws, tmp_path: Path) -> None:
    _add(mlws, tmp_path / "model.gguf")
    (kept,) = (tmp_path / "nas").rglob("model.gguf")
    kept.write_bytes(b"x" + CONTENT[1:])
    ended = mlws("model", "pull", "ranker")
    assert ended.code == 1
    assert "is not what was declared" in ended.err
    assert _files(root / FOLDER) == ["v1.0.0.yaml"]
    kept.write_bytes(CONTENT)
    assert mlws("model", "pull", "ranker").code == 0
    here = root / FOLDER / "v1.0.0/model.gguf"
    here.write_bytes(b"spoilt")
    ended = mlws("model", "verify", "--json")
    assert ended.code == 1
    (row,) = json.loads(ended.out)
    assert (row["state"], row["found"]) == ("differs", hashlib.sha256(b"spoilt").hexdigest())
    assert mlws("model", "pull", "ranker").code == 0
    assert here.read_bytes() == CONTENT


def test_a_broken_download_goes_on_with_the_next_command(root: Path, mlws: Mlws) -> None:
    with serving(CONTENT, cut_after=[100_000] + [0] * 4) as server:
        _describe(root, uri=server.url, sha256=SHA, size=len(CONTENT))
        ended = mlws("model", "pull", "ranker")
        assert ended.code == 4
        assert "broke off after 100000 bytes" in ended.err
        assert not (root / FOLDER / "v1.0.0/qa.parquet").exists()
        server.cut_after.clear()
        assert mlws("model", "pull", "ranker").code == 0
    assert (root / FOLDER / "v1.0.0/qa.parquet").read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=100000-"


def test_a_copy_that_was_broken_goes_on_where_it_ended(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    _add(mlws, tmp_path / "model.gguf")
    part = root / FOLDER / "v1.0.0/.model.gguf.part"
    part.parent.mkdir()
    for begun in (CONTENT[:1000], b"of another version", CONTENT + b"too long"):
        part.write_bytes(begun)
        assert mlws("model", "pull", "ranker").code == 0
        assert _files(root / FOLDER) == ["v1.0.0.yaml", "v1.0.0/model.gguf"]
        (root / FOLDER / "v1.0.0/model.gguf").unlink()


def test_the_version_to_pull_is_the_registrys_or_the_only_one(root: Path, mlws: Mlws) -> None:
    _describe(root, uri="/nowhere/x.gguf", sha256=SHA)
    for version in ("v1.1.0", "v0.9.0"):
        (root / FOLDER / f"{version}.yaml").write_text(f"uri: /nowhere/y.gguf\nsha256: '{SHA}'\n")
    assert "/nowhere/x.gguf is not there" in mlws("model", "pull", "ranker").err
    (root / FOLDER / "v1.0.0.yaml").unlink()
    ended = mlws("model", "pull", "ranker")
    assert ended.code == 2
    assert "v0.9.0, v1.1.0" in ended.err
    assert mlws("model", "pull", "ranker", "--version", "v0.9.0").code == 4
    (root / FOLDER / "v0.9.0.yaml").unlink()
    assert "/nowhere/y.gguf is not there" in mlws("model", "pull", "ranker").err
    assert mlws("model", "pull", "rankr").code == 2


def test_a_broken_description_is_placed_and_hides_no_other(root: Path, mlws: Mlws) -> None:
    (root / FOLDER).mkdir(parents=True)
    (root / FOLDER / "v1.0.0.yaml").write_text(f"uri: /x\nsha265: {SHA}\n")
    (root / FOLDER / "v2.yaml").write_text(f"uri: ../../../../x\nsha256: '{SHA}'\n")
    (root / FOLDER / "v3.yaml").write_text(f"uri: /nowhere/x.gguf\nsha256: '{SHA}'\nx_note: ok\n")
    ended = mlws("model", "verify")
    assert ended.code == 1
    assert "v1.0.0.yaml:2:1: sha265: unknown field (did you mean 'sha256'?)" in ended.err
    assert "v2.yaml:1:1: uri: ../../../../x leads out of the workspace" in ended.err
    assert "missing  ranker v3" in ended.out
    assert mlws("model", "pull", "ranker").code == 1


def test_a_path_of_a_modelfile_leads_to_its_description(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    _add(mlws, tmp_path / "model.gguf")
    layout = Layout(root)
    found = manifest.of_file(layout, root / FOLDER / "v1.0.0/model.gguf")
    assert found is not None
    assert (found.key, found.version) == ("ranker", "v1.0.0")
    for other in ("v1.0.0/other.gguf", "v2/model.gguf", "v1.0.0.yaml", "../../registry.yaml"):
        assert manifest.of_file(layout, root / FOLDER / other) is None


def test_what_is_known_of_weights_says_whether_they_are_here(
    root: Path, mlws: Mlws, tmp_path: Path
) -> None:
    _add(mlws, tmp_path / "model.gguf")
    assert [one.here for one in showing.show(Layout(root), "ranker")] == ["no"]
    assert mlws("model", "pull", "ranker").code == 0
    assert [one.here for one in showing.show(Layout(root), "ranker")] == ["yes"]
    (root / FOLDER / "v1.0.0/model.gguf").write_bytes(b"spoilt")
    assert [one.here for one in showing.show(Layout(root), "ranker")] == ["differs"]
    assert showing.show(Layout(root), "other") == []


_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1)


@given(
    uri=st.sampled_from(["/mnt/a b/x", "file:///mnt/x", "https://example.org/x?y=1#z", "a: b/c"]),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    size=st.none() | st.integers(0, 2**60),
    texts=st.lists(st.none() | _TEXT, min_size=5, max_size=5),
    at=st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),
)
def test_what_is_described_is_read_again(
    uri: str,
    sha256: str,
    size: int | None,
    texts: list[str | None],
    at: datetime | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    names = ("run", "experiment", "commit", "licence", "by")
    moment = at.replace(microsecond=0, tzinfo=UTC) if at else None
    given = Manifest(
        uri=uri, sha256=sha256, size=size, at=moment, **dict(zip(names, texts, strict=True))
    )
    layout = Layout(tmp_path_factory.mktemp("ws"))
    layout.checkpoint("m", "v1").parent.mkdir(parents=True)
    place = manifest.file_of(layout, "m", "v1", uri)
    manifest.write(layout, Weights("m", "v1", given, place))
    assert manifest.load(layout, "m", "v1").manifest == given
