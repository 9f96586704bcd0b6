"""Weights in object storage, with fsspec's own storage in memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import tiny_workspace
from tests.support.commandline import Mlws

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")

CONTENT = b"weights " * 900_000  # 7 MB: two steps of a copy


@pytest.fixture
def objects() -> dict[str, Any]:
    """What the storage holds: path -> object."""
    store: dict[str, Any] = fsspec.filesystem("memory").store
    store.clear()
    return store


@pytest.fixture
def root(tmp_path: Path, objects: dict[str, Any]) -> Path:
    (tmp_path / "model.gguf").write_bytes(CONTENT)
    config = '[models]\nstorage = "memory://team/weights/"\n'
    return tiny_workspace.make(tmp_path / "ws", config=config)


@pytest.fixture
def mlws(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Mlws:
    return Mlws(root, monkeypatch, capsys)


def _add(mlws: Mlws, origin: Path) -> dict[str, Any]:
    ended = mlws("model", "add", "ranker", "--from", str(origin), "--version", "v1")
    assert ended.code == 0, ended.err
    found = yaml.safe_load((mlws.folder / "models/checkpoints/ranker/v1.yaml").read_text())
    assert isinstance(found, dict)
    return found


def test_a_file_goes_into_the_bucket_and_comes_back(
    root: Path, mlws: Mlws, tmp_path: Path, objects: dict[str, Any]
) -> None:
    found = _add(mlws, tmp_path / "model.gguf")
    place = f"team/weights/ranker/v1-{found['sha256'][:12]}/model.gguf"
    assert found["uri"] == f"memory://{place}"
    assert [*objects] == [f"/{place}"]
    assert mlws("model", "verify").code == 4  # never pulled, and nothing to hash without that
    here = root / "models/checkpoints/ranker/v1/model.gguf"
    part = here.with_name(".model.gguf.part")
    part.parent.mkdir()
    for begun in (CONTENT[:1_000_000], b"of another version"):
        part.write_bytes(begun)
        assert mlws("model", "pull", "ranker").code == 0
        assert here.read_bytes() == CONTENT
        here.unlink()
    assert mlws("model", "pull", "ranker").code == 0
    assert mlws("model", "verify").code == 0


def test_a_folder_goes_there_object_by_object(
    root: Path, mlws: Mlws, tmp_path: Path, objects: dict[str, Any]
) -> None:
    (tmp_path / "lora/deep").mkdir(parents=True)
    (tmp_path / "lora/config.json").write_text("{}")
    (tmp_path / "lora/deep/model.safetensors").write_bytes(CONTENT)
    _add(mlws, tmp_path / "lora")
    assert len(objects) == 2
    assert mlws("model", "pull", "ranker").code == 0
    pulled = root / "models/checkpoints/ranker/v1/lora"
    assert (pulled / "deep/model.safetensors").read_bytes() == CONTENT


def test_what_was_spoilt_or_lost_there_is_never_used(
    root: Path, mlws: Mlws, tmp_path: Path, objects: dict[str, Any]
) -> None:
    found = _add(mlws, tmp_path / "model.gguf")
    system, path = fsspec.core.url_to_fs(found["uri"])
    for content, said in {
        b"x" + CONTENT[1:]: "is not what was declared: its sha256 is",
        CONTENT + b"x": f"it has {len(CONTENT) + 1} bytes, not {len(CONTENT)}",
    }.items():
        system.pipe_file(path, content)
        ended = mlws("model", "pull", "ranker")
        assert ended.code == 1
        assert said in ended.err
    system.rm_file(path)
    ended = mlws("model", "pull", "ranker")
    assert ended.code == 4
    assert "is not there" in ended.err
    assert not (root / "models/checkpoints/ranker/v1/model.gguf").exists()
    _add(mlws, tmp_path / "model.gguf")  # puts it back
    assert mlws("model", "pull", "ranker").code == 0


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PermissionError("Forbidden"), 1, "ask its owner for access"),
        (OSError("Could not connect to the endpoint URL"), 4, "cannot be reached"),
    ],
)
def test_a_bucket_that_refuses_is_said_and_nothing_is_described(
    root: Path,
    mlws: Mlws,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    code: int,
    said: str,
) -> None:
    def refuse(*_given: Any, **_named: Any) -> None:
        raise error

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "put_file", refuse)
    ended = mlws(
        "model", "add", "ranker", "--from", str(tmp_path / "model.gguf"), "--version", "v1"
    )
    assert ended.code == code
    assert said in ended.err
    assert not list((root / "models").glob("checkpoints/*"))


def test_what_is_missing_for_an_address_is_named(
    root: Path, mlws: Mlws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("model", "add", "ranker", "--from", str(tmp_path / "model.gguf"), "--version", "v1")
    monkeypatch.setenv("MLWS_MODELS_STORAGE", "nonsense://team/weights")
    ended = mlws(*given)
    assert ended.code == 2
    assert "nonsense" in ended.err
    monkeypatch.setenv("MLWS_MODELS_STORAGE", "s3://team/weights")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    ended = mlws(*given)
    assert ended.code == 4
    assert "Install s3fs" in ended.err
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    ended = mlws(*given)
    assert ended.code == 4
    assert "mlws-scaffold[storage]" in ended.err
    assert not list((root / "models").glob("checkpoints/*"))
