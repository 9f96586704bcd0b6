"""models.lock: what the team accepted, written so that it stays still."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.errors import InvalidFile
from mlws_scaffold.models.sync import lockfile, locking
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.workspace.layout import Layout
from tests.support import model_workspace
from tests.support.fake_ollama import FakeOllama, running

THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2026, 2, 2, tzinfo=UTC)
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
MODELS = {"base": "m:1", "mine": "FROM m:1\nSYSTEM hi\n"}


def _pulled(digest: str, at: datetime = THEN, name: str = "m:1") -> Locked:
    return Locked(name=name, digest=digest, at=at)


def _built(
    digest: str | None, fingerprint: str = "f" * 64, base: str = A, at: datetime = THEN
) -> Locked:
    fields = {"base": "m:1", "base_digest": base, "fingerprint": fingerprint}
    return Locked(name="mine", digest=digest, at=at, **fields)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "models").mkdir()
    return Layout(tmp_path)


def test_what_is_written_is_read_and_the_order_is_that_of_keys(layout: Layout) -> None:
    models = {"zeta": _pulled(A), "alpha": _built(B)}
    assert lockfile.write(layout, models)
    assert lockfile.read(layout) == models
    text = (layout.root / "models/models.lock").read_text()
    assert text.index("alpha:") < text.index("zeta:")
    assert "at: 2026-01-02T03:04:05Z" in text
    assert not lockfile.write(layout, dict(reversed(models.items())))


def test_without_a_file_nothing_is_locked(layout: Layout) -> None:
    assert lockfile.read(layout) == {}


@pytest.mark.parametrize(
    "text", ["<<<<<<< ours\n", "models: {m: {name: x}}\n", "models: {m: 1}\n", "modls: {}\n"]
)
def test_a_broken_lock_is_told_with_its_place(layout: Layout, text: str) -> None:
    (layout.root / "models/models.lock").write_text(text)
    with pytest.raises(InvalidFile, match=r"models/models\.lock:1"):
        lockfile.read(layout)


def test_another_server_version_writes_a_build_down_otherwise_and_the_lock_stays() -> None:
    before = {"mine": _built(A)}
    assert lockfile.accept(before, {"mine": _built(B, at=LATER)}) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_built(A), _built(B, fingerprint="0" * 64)),
        (_built(A), _built(B, base=B)),
        (_built(None), _built(B)),
        (_pulled(A), _pulled(B)),
        (_pulled(A), _pulled(A, name="m:2")),
    ],
)
def test_another_meaning_is_accepted(old: Locked, new: Locked) -> None:
    later = new.model_copy(update={"at": LATER})
    assert lockfile.accept({"mine": old}, {"mine": later}) == {"mine": later}


def test_a_sync_locks_and_a_second_one_leaves_the_file_alone(tmp_path: Path) -> None:
    place = model_workspace.make(tmp_path / "ws", MODELS)
    path = place.root / "models/models.lock"
    with running(FakeOllama(offered={"m:1"})) as fake:
        assert model_workspace.sync(place, fake.url).lock_changed
        text = path.read_text()
        assert not model_workspace.sync(place, fake.url).lock_changed
        assert path.read_text() == text
        locked = lockfile.read(place.layout)
        held = ollama.installed(fake.url)
    assert locked["base"].digest == f"sha256:{held['m:1']}"
    assert locked["mine"].digest == f"sha256:{held['mine:latest']}"
    assert locked["mine"].base_digest == locked["base"].digest


def test_a_moved_tag_stays_locked_until_a_person_accepts_it(tmp_path: Path) -> None:
    place = model_workspace.make(tmp_path / "ws", MODELS)
    with running(FakeOllama(offered={"m:1"})) as fake:
        model_workspace.sync(place, fake.url)
        before = lockfile.read(place.layout)
        fake.offer("m:1", revision=2)
        fake.add("m:1")
        report = model_workspace.sync(place, fake.url)
        assert model_workspace.states(report) == {
            "m:1": "drifted",
            "base": "skipped",
            "mine": "skipped",
        }
        assert lockfile.read(place.layout) == before
        moved = locking.compare(place, fake.url, ["base"])
        assert [(row.key, row.state) for row in moved] == [("base", "moved")]
        assert locking.update(place, fake.url, ["base"])
        assert model_workspace.sync(place, fake.url).ok
        rows = locking.compare(place, fake.url)
    assert {row.key: row.state for row in rows} == {"base": "locked", "mine": "locked"}
    after = lockfile.read(place.layout)
    assert after["mine"].base_digest == after["base"].digest != before["base"].digest


def test_a_second_name_that_is_right_locks_nothing(tmp_path: Path) -> None:
    place = model_workspace.make(tmp_path / "ws", {"base": "m:1"})
    with running(FakeOllama(offered={"m:1"})) as fake:
        model_workspace.sync(place, fake.url)
        before = lockfile.read(place.layout)
        fake.offer("m:1", revision=2)
        fake.add("m:1")
        ollama.copy(fake.url, "m:1", "base")
        report = model_workspace.sync(place, fake.url)
    assert model_workspace.states(report) == {"m:1": "drifted", "base": "up to date"}
    assert lockfile.read(place.layout) == before


def test_a_moved_base_without_an_entry_is_accepted_through_what_is_built_on_it(
    tmp_path: Path,
) -> None:
    place = model_workspace.make(tmp_path / "ws", {"mine": "FROM m:1\nSYSTEM hi\n"})
    with running(FakeOllama(offered={"m:1"})) as fake:
        model_workspace.sync(place, fake.url)
        fake.offer("m:1", revision=2)
        fake.add("m:1")
        blocked = model_workspace.sync(place, fake.url)
        assert model_workspace.states(blocked) == {"m:1": "drifted", "mine": "skipped"}
        assert blocked.results[0].cure.endswith("mlws model lock --update mine")
        locking.update(place, fake.url, ["mine"])
        assert [row.state for row in locking.compare(place, fake.url)] == ["to be built"]
        assert model_workspace.states(model_workspace.sync(place, fake.url))["mine"] == "built"
        assert [row.state for row in locking.compare(place, fake.url)] == ["locked"]
        assert lockfile.read(place.layout)["mine"].digest == f"sha256:{fake.models['mine:latest']}"


def test_a_pin_wins_over_the_lock(tmp_path: Path) -> None:
    fake = FakeOllama(offered={"m:1"})
    place = model_workspace.make(tmp_path / "ws", {"base": "m:1"})
    with running(fake):
        model_workspace.sync(place, fake.url)
        pin = "sha256:" + fake.offer("m:1", revision=2).digest
        entry = {"source": "ollama", "model_name": "m:1", "digest": pin}
        model_workspace.write(place.root, {"base": entry})
        report = model_workspace.sync(place, fake.url)
    assert model_workspace.states(report) == {"m:1": "pulled", "base": "copied"}
    assert lockfile.read(place.layout)["base"].digest == pin


def test_what_left_the_registry_leaves_the_lock(tmp_path: Path) -> None:
    place = model_workspace.make(tmp_path / "ws", MODELS)
    with running(FakeOllama(offered={"m:1"})) as fake:
        model_workspace.sync(place, fake.url)
        model_workspace.write(place.root, {"base": "m:1"})
        rows = {row.key: row.state for row in locking.compare(place, fake.url)}
        assert rows == {"base": "locked", "mine": "not in the registry"}
        model_workspace.sync(place, fake.url, "base")
        model_workspace.sync(place, fake.url)
    assert list(lockfile.read(place.layout)) == ["base"]


def test_what_is_not_as_its_modelfile_says_is_not_accepted(tmp_path: Path) -> None:
    place = model_workspace.make(tmp_path / "ws", MODELS)
    with running(FakeOllama(offered={"m:1"})) as fake:
        model_workspace.sync(place, fake.url)
        [*ollama.create(fake.url, "mine", {"from": "m:1", "system": "ho"})]
        before = lockfile.read(place.layout)
        assert not locking.update(place, fake.url)
        assert lockfile.read(place.layout) == before
        rows = {row.key: row for row in locking.compare(place, fake.url)}
    assert rows["mine"].state == "moved"
    assert rows["mine"].reason == "system is ho, should be hi"
