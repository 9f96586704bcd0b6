"""Free space is looked at where it can be known."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Remote
from mlws_scaffold.models.sync import room
from mlws_scaffold.models.sync.room import Disk
from tests.support import model_workspace as workspace
from tests.support.fake_ollama import FakeOllama, running

LARGE = 10**15


def _folder(state: Path) -> Path:
    (state / "blobs").mkdir(parents=True, exist_ok=True)
    return state


def test_the_folder_must_be_that_of_the_server(tmp_path: Path) -> None:
    fake, state = FakeOllama(state=tmp_path / "models"), tmp_path / "models"
    with running(fake):
        fake.add("m:1")
        held = ollama.held(fake.url)
        own = {"OLLAMA_MODELS": str(state)}
        found = room.disk_of(fake.url, own, held)
        assert found is not None
        assert found.folder == state
        assert 0 < found.free < shutil.disk_usage(state).free
        assert room.disk_of("http://gpu1:11434", own, held) is None
        other = {"OLLAMA_MODELS": str(_folder(tmp_path / "other"))}
        assert room.disk_of(fake.url, other, held) is None
        assert room.disk_of(fake.url, other, {}) is not None
        assert room.disk_of(fake.url, {}, held) is None


def test_what_does_not_fit_is_not_begun_and_the_rest_is_pulled(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"huge": "h:1", "small": "m:1"})
    fake, state = FakeOllama(offered={"h:1", "m:1"}, state=tmp_path / "models"), tmp_path / "models"
    _folder(state)
    sizes = {"h:1": LARGE, "m:1": 1000}
    remote = lambda name: Remote("0" * 64, {f"sha256:{name}": sizes[name]})  # noqa: E731
    with running(fake):
        environment = {"OLLAMA_MODELS": str(state)}
        report = workspace.sync(place, fake.url, remote=remote, environment=environment)
        assert [one.name for one in fake.changes if one.route == "pull"] == ["m:1"]
    assert workspace.states(report)["h:1"] == "failed"
    assert report.results[0].detail.startswith("needs 1000000.0 GB, and ")
    assert report.notes == ()


def _sizes(layers: dict[str, int]) -> room.Ask:
    return lambda _name: Remote("", layers)


def test_a_shared_layer_counts_once_and_one_that_is_there_not_at_all(tmp_path: Path) -> None:
    disk = Disk(_folder(tmp_path), 300)
    (disk.folder / "blobs/sha256-there").write_bytes(b"")
    shared = _sizes({"sha256:there": LARGE, "sha256:shared": 200})
    assert room.survey(["a", "b"], disk, shared).lacking == {}
    alone = lambda name: Remote("", {f"sha256:{name}": 200})  # noqa: E731
    assert list(room.survey(["a", "b"], disk, alone).lacking) == ["b"]


def test_what_a_cut_download_left_counts_as_there(tmp_path: Path) -> None:
    disk = Disk(_folder(tmp_path), 1_500_000)
    part = disk.folder / "blobs/sha256-big-partial"
    part.write_bytes(b"x" * 2_000_000)
    assert room.survey(["big"], disk, _sizes({"sha256:big": 3_000_000})).lacking == {}
    part.unlink()
    assert list(room.survey(["big"], disk, _sizes({"sha256:big": 3_000_000})).lacking) == ["big"]


def test_an_unknown_size_is_said_and_not_asked_for_again(tmp_path: Path) -> None:
    asked: list[str] = []
    found = room.survey(["a", "b"], Disk(_folder(tmp_path), 1), asked.append)
    assert (found.lacking, asked) == ({}, ["a"])
    assert found.note == "free space was not checked for a, b: no size is known"


def test_a_server_elsewhere_is_said_when_something_is_pulled(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    with running(FakeOllama(offered={"m:1"})) as fake:
        report = workspace.sync(place, fake.url)
        assert report.notes[0].startswith("free space was not checked")
        assert workspace.sync(place, fake.url).notes == ()
