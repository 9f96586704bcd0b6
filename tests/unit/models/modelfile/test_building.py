"""The create request of a Modelfile is the one that `ollama create` would send."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models.modelfile import ModelfileError, Recipe, Source, build, of, parse
from mlws_scaffold.models.modelfile.recipe import fingerprint
from tests.unit.models.building import HELPER, workspace
from tests.unit.models.modelfile import vectors

GGUF = b"GGUF\x03\x00\x00\x00"
ZIP = b"PK\x03\x04\x00"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def built(root: Path, text: str, files: dict[str, str | bytes] | None = None) -> Recipe:
    return build(workspace(root, {HELPER: text, **(files or {})}), Path(HELPER))


def refused(root: Path, text: str, files: dict[str, str | bytes] | None = None) -> str:
    with pytest.raises(InvalidFile) as error:
        built(root, text, files)
    return str(error.value)


@pytest.mark.parametrize("row", vectors.REQUESTED, ids=vectors.about)
def test_the_request_is_that_of_ollama(row: dict[str, Any], tmp_path: Path) -> None:
    modelfile = parse(row["text"])
    if "error" not in row:
        assert of(modelfile, Source(tmp_path)).body == row["body"]
        return
    with pytest.raises(ModelfileError) as error:
        of(modelfile, Source(tmp_path))
    # Of infinite numbers Ollama says nothing: it fails when it writes the request.
    number = error.value.upstream.startswith("invalid float value")
    assert error.value.upstream == row["error"] or ("JSON" in row["error"] and number)


def test_the_modelfile_of_the_contracts_page(tmp_path: Path) -> None:
    text = (
        'FROM llama3.1:8b\nSYSTEM """Answer from the given passages and name them."""\n'
        'PARAMETER temperature 0.3\nPARAMETER stop "###"\nPARAMETER stop "<END>"\n'
        'TEMPLATE """### Question: {{ .Prompt }}\n\n### Response:\n{{ .Response }}\n"""\n'
    )
    recipe = built(tmp_path, text)
    assert recipe.base == "llama3.1:8b"
    assert recipe.blobs == ()
    assert recipe.body == {
        "from": "llama3.1:8b",
        "template": "### Question: {{ .Prompt }}\n\n### Response:\n{{ .Response }}\n",
        "system": "Answer from the given passages and name them.",
        "parameters": {"temperature": 0.3, "stop": ["###", "<END>"]},
    }


def test_files_become_blobs_by_their_own_names(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "weights/a.gguf": GGUF + b"a",
        "modelfiles/lora.gguf": GGUF + b"lora",
        "modelfiles/small.gguf": GGUF + b"small",
    }
    recipe = built(
        tmp_path, "FROM ../weights/a.gguf\nADAPTER lora.gguf\nDRAFT ./small.gguf\n", files
    )
    assert recipe.base == ""
    assert recipe.body == {
        "files": {"a.gguf": digest(GGUF + b"a")},
        "adapters": {"lora.gguf": digest(GGUF + b"lora")},
        "draft_files": {"small.gguf": digest(GGUF + b"small")},
    }
    assert [(blob.path.name, blob.digest, blob.size) for blob in recipe.blobs] == [
        ("a.gguf", digest(GGUF + b"a"), 9),
        ("lora.gguf", digest(GGUF + b"lora"), 12),
        ("small.gguf", digest(GGUF + b"small"), 13),
    ]


def test_several_parts_are_named_relative_to_what_they_share(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "weights/1/a.gguf": GGUF + b"1",
        "weights/2/a.gguf": GGUF + b"2",
        "modelfiles/x.gguf": GGUF,
    }
    recipe = built(tmp_path, "FROM ../weights/1/a.gguf\nFROM ../weights/2/a.gguf\n", files)
    assert recipe.body["files"] == {
        "1/a.gguf": digest(GGUF + b"1"),
        "2/a.gguf": digest(GGUF + b"2"),
    }
    same = built(tmp_path, "FROM x.gguf\nFROM x.gguf\n", files)
    assert (same.body["files"], len(same.blobs)) == ({"x.gguf": digest(GGUF)}, 1)


def test_paths_may_be_absolute_in_the_home_or_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
        (folder / "w.gguf").write_bytes(GGUF + folder.name.encode())
    monkeypatch.setenv("HOME", str(home))
    root = tmp_path / "ws"
    (root / "modelfiles").mkdir(parents=True)
    (root / "modelfiles/link.gguf").symlink_to(away / "w.gguf")
    assert built(root, "FROM ~/w.gguf\n").body["files"] == {"w.gguf": digest(GGUF + b"home")}
    assert built(root, f"FROM {away}/w.gguf\n").body["files"] == {"w.gguf": digest(GGUF + b"away")}
    assert built(root, "FROM link.gguf\n").body["files"] == {"link.gguf": digest(GGUF + b"away")}
    assert "failed to find user 'nobody-of-that-name'" in refused(
        root, "FROM ~nobody-of-that-name/w\n"
    )


CONFIG: dict[str, str | bytes] = {
    "w/config.json": '{"a": 1}',
    "w/tokenizer.json": "{}",
    "w/sub/config.json": "[]",
    "w/tokenizer.model": b"\x00\x01",
    "w/chat_template.jinja": "{{ x }}",
    "w/README.md": "about",
}


@pytest.mark.parametrize(
    ("weights", "taken"),
    [
        (["model-1-of-2.safetensors", "model-2-of-2.safetensors", "consolidated.safetensors"],
         ["model-1-of-2.safetensors", "model-2-of-2.safetensors"]),
        (["model.safetensors", "sub/model.safetensors", "a.gguf"],
         ["model.safetensors", "sub/model.safetensors"]),
        (["consolidated.safetensors", "a.gguf"], ["consolidated.safetensors"]),
        (["pytorch_model.bin", "consolidated.00.pth"], ["pytorch_model.bin"]),
        (["consolidated.00.pth", "a.gguf"], ["consolidated.00.pth"]),
        (["a.gguf", "b.gguf", "c.bin"], ["a.gguf", "b.gguf"]),
        (["c.bin"], ["c.bin"]),
    ],
)  # fmt: skip
def test_of_a_folder_the_files_of_one_kind_are_taken(
    weights: list[str], taken: list[str], tmp_path: Path
) -> None:
    zips = ("pytorch_model", "consolidated.00")
    contents = {name: ZIP if name.startswith(zips) else GGUF for name in weights}
    files = {f"w/{name}": content for name, content in contents.items()}
    recipe = built(tmp_path, "FROM ../w\n", {**CONFIG, **files})
    beside = {name.removeprefix("w/") for name in CONFIG} - {"README.md"}
    assert set(recipe.body["files"]) == {*taken, *beside}  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"w/README.md": "x"}, "no Modelfile or safetensors files found"),
        ({"w/a.gguf": "version https://git-lfs.github.com/spec/v1\n"}, "no Modelfile or safet"),
        ({"w/pytorch_model.bin": "no archive"}, "no Modelfile or safetensors files found"),
        ({"w/a.gguf": GGUF, "w/config.json": b"\x00\x01"}, "config.json is no text"),
    ],
)
def test_a_folder_without_a_model_is_refused(
    files: dict[str, str | bytes], said: str, tmp_path: Path
) -> None:
    assert said in refused(tmp_path, "FROM ../w\n", files)


def test_a_folder_must_hold_its_files_itself(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "out.json").write_text("{}")
    (tmp_path / "w/model.safetensors").write_bytes(b"x")
    (tmp_path / "w/config.json").symlink_to("../out.json")
    assert "insecure path" in refused(tmp_path, "FROM ../w\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("FROM ./gone.gguf\n", "neither a file or folder nor a name of a model"),
        ("FROM m # comment\n", "a comment is a line of its own"),
        ("FROM m\nADAPTER gone.gguf\n", f"{HELPER}:2:1: gone.gguf does not exist"),
        ("FROM m\nDRAFT gone.gguf\n", f"{HELPER}:2:1: gone.gguf does not exist"),
        ("FROM a.gguf\nDRAFT ./a.gguf\n", "DRAFT must not reference the same local path as FROM"),
        ("DRAFT a.gguf\nFROM a.gguf\n", "DRAFT must not reference the same local path as FROM"),
        ("FROM a.gguf/x\n", "Not a directory"),
        ("FROM\n", f"{HELPER}:1:5"),
    ],
)
def test_what_ollama_would_refuse_is_refused(text: str, said: str, tmp_path: Path) -> None:
    assert said in refused(tmp_path, text, {"modelfiles/a.gguf": GGUF})


def test_a_modelfile_outside_of_the_workspace_or_no_file_is_refused(tmp_path: Path) -> None:
    layout = workspace(tmp_path / "ws", {"modelfiles/README.md": ""})
    (tmp_path / "Modelfile").write_text("FROM m\n")
    (layout.root / "modelfiles/link").symlink_to("../../Modelfile")
    os.mkfifo(layout.root / "modelfiles/pipe")
    for name, said in {
        "../Modelfile": "leads out of the workspace",
        "modelfiles/link": "leads out of the workspace",
        "modelfiles/gone": "cannot be read: No such file",
        "modelfiles": "is no ordinary file",
        "modelfiles/pipe": "is no ordinary file",
    }.items():
        with pytest.raises(InvalidFile, match=said):
            build(layout, Path(name))


def test_weights_that_are_described_and_not_pulled_count_by_their_description(
    tmp_path: Path,
) -> None:
    described = f"uri: file:///mnt/x/w.gguf\nsha256: {'a' * 64}\nsize: 12\n"
    recipe = built(
        tmp_path,
        "FROM ../models/checkpoints/helper/v1/w.gguf\n",
        {"models/checkpoints/helper/v1.yaml": described},
    )
    assert recipe.body["files"] == {"w.gguf": f"sha256:{'a' * 64}"}
    assert [blob.size for blob in recipe.blobs] == [12]


SAME = [
    'FROM m\nSYSTEM """a"""\nPARAMETER seed 1\nPARAMETER top_p 0.5\n',
    "# about\n\nFROM   m:latest\n  system a\nPARAMETER top_p .50\n\tPARAMETER seed 01",
    'PARAMETER seed 7\nPARAMETER seed 1\nSYSTEM x\nPARAMETER top_p 5e-1\nSYSTEM "a"\r\nFROM M\r\n',
    "FROM library/m\nSYSTEM a\nPARAMETER mirostat 1\nPARAMETER seed 1\nPARAMETER top_p 0.5\n",
]


def test_what_means_the_same_has_the_same_fingerprint(tmp_path: Path) -> None:
    assert len({built(tmp_path, text).fingerprint for text in SAME}) == 1


def test_what_means_something_else_has_another_fingerprint(tmp_path: Path) -> None:
    texts = [
        SAME[0],
        SAME[0].replace("FROM m", "FROM n"),
        SAME[0].replace("seed 1", "seed 2"),
        SAME[0].replace("a", "b", 1),
        SAME[0] + "PARAMETER stop x\n",
        SAME[0] + "PARAMETER stop x\nPARAMETER stop y\n",
        SAME[0] + "MESSAGE user a\n",
        SAME[0] + "MESSAGE user a\nMESSAGE assistant b\n",
        SAME[0] + "LICENSE MIT\n",
        SAME[0] + "REQUIRES 0.14.0\n",
    ]
    prints = [built(tmp_path, text).fingerprint for text in texts]
    weights = [
        built(tmp_path, "FROM w.gguf\n", {"modelfiles/w.gguf": GGUF + byte}).fingerprint
        for byte in (b"1", b"2")
    ]
    assert len({*prints, *weights}) == len(texts) + 2


@given(st.permutations([("system", "a"), ("template", "t"), ("renderer", "r")]))
def test_the_order_of_fields_is_no_part_of_the_fingerprint(fields: list[tuple[str, str]]) -> None:
    body: dict[str, object] = {"from": "m", **dict(fields)}
    assert fingerprint(body) == fingerprint(dict(reversed(body.items())))


def test_five_hundred_plain_modelfiles_are_built_in_a_moment(tmp_path: Path) -> None:
    layout = workspace(tmp_path, {HELPER: SAME[0]})
    started = time.monotonic()
    for _ in range(500):
        build(layout, Path(HELPER))
    assert time.monotonic() - started < 5
