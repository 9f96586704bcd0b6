"""What a sync does: pulls, builds, copies; and what it leaves alone."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Progress
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.models import registry
from mlws_scaffold.models.sync.record import Record
from mlws_scaffold.models.sync.server import Patience
from mlws_scaffold.models.weights import manifest
from mlws_scaffold.models.weights.manifest import Manifest, Weights
from tests.support import model_workspace as workspace
from tests.support.fake_ollama import FakeOllama, running

TWICE = Patience(stall=10, answer=10, pauses=(0.01,))


def test_one_failure_does_not_stop_the_others_and_takes_along_what_is_built_on_it(
    tmp_path: Path,
) -> None:
    models = {"gone": "gone:1", "there": "m:1", "on-gone": "FROM gone:1\n", "top": "FROM on-gone\n"}
    place = workspace.make(tmp_path / "ws", models)
    with running(FakeOllama(offered={"m:1"})) as fake:
        report = workspace.sync(place, fake.url)
        assert sorted(fake.models) == ["m:1", "there:latest"]
    found = {result.name: result for result in report.results}
    assert workspace.states(report) == {
        "gone:1": "failed",
        "m:1": "pulled",
        "gone": "skipped",
        "there": "copied",
        "on-gone": "skipped",
        "top": "skipped",
    }
    assert "file does not exist" in found["gone:1"].detail
    assert found["on-gone"].detail == "its base gone:1 failed"
    assert not report.ok


def test_nothing_is_ever_pulled_by_a_build(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"mine": "FROM m:1\nSYSTEM hi\n"})
    with running(FakeOllama(offered={"m:1"})) as fake:
        report = workspace.sync(place, fake.url)
        assert workspace.states(report) == {"m:1": "pulled", "mine": "built"}
        assert [one.route for one in fake.changes] == ["pull", "create"]
        (result, _) = report.results
        assert (result.key, result.detail) == ("", "not on the server; the base of mine")


def test_pulls_run_side_by_side_up_to_the_bound_and_builds_one_by_one(tmp_path: Path) -> None:
    models = {f"pulled{number}": f"m{number}:1" for number in range(6)}
    models |= {f"built{number}": f"FROM m{number}:1\nSYSTEM hi\n" for number in range(4)}
    place = workspace.make(tmp_path / "ws", models, config="[models]\npulls = 3\n")
    fake = FakeOllama(offered={f"m{number}:1" for number in range(6)})
    fake.pull_pace = 0.01
    with running(fake):
        assert workspace.sync(place, fake.url).ok
        assert fake.record.most["pull"] == 3
        assert fake.record.most["create"] == 1


def test_two_entries_of_one_model_pull_it_once(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"one": "m:1", "two": "M:1"})
    with running(FakeOllama(offered={"m:1"})) as fake:
        report = workspace.sync(place, fake.url)
        assert report.ok
        assert [one.route for one in fake.changes].count("pull") == 1


def test_a_key_becomes_a_second_name_and_follows_its_model(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    fake = FakeOllama(offered={"m:1"})
    with running(fake):
        workspace.sync(place, fake.url)
        assert fake.models["base:latest"] == fake.models["m:1"]
        fake.offer("m:1", revision=2)
        (place.root / "models/models.lock").unlink()
        report = workspace.sync(place, fake.url, force=True)
        assert workspace.states(report) == {"m:1": "pulled", "base": "copied"}
        assert fake.models["base:latest"] == fake.models["m:1"]


def test_a_name_that_somebody_else_uses_is_not_taken(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"qwen3": "qwen3:8b"})
    fake = FakeOllama(offered={"qwen3:8b"})
    fake.add("qwen3")
    with running(fake):
        theirs = fake.models["qwen3:latest"]
        report = workspace.sync(place, fake.url)
        assert workspace.states(report) == {"qwen3:8b": "pulled", "qwen3": "changed outside"}
        assert fake.models["qwen3:latest"] == theirs


def test_a_file_is_uploaded_once_and_its_progress_told(tmp_path: Path) -> None:
    models = {"one": "FROM ./w.gguf\nSYSTEM one\n", "two": "FROM ./w.gguf\nSYSTEM two\n"}
    place = workspace.make(tmp_path / "ws", models)
    (place.root / "modelfiles/w.gguf").write_bytes(b"GGUF" + bytes(3_000_000))
    seen: list[Progress] = []
    with running(FakeOllama()) as fake:
        watch = lambda _key, progress: seen.append(progress)  # noqa: E731
        assert workspace.sync(place, fake.url, watch=watch).ok
        blobs = [str(one).partition(" ")[0] for one in fake.record.requests if one.route == "blobs"]
        assert blobs == ["HEAD", "POST", "HEAD"]
        assert workspace.planned(place, fake.url).drift == ()
    uploaded = [one.completed for one in seen if one.status.startswith("uploading")]
    assert uploaded == [1 << 20, 2 << 20, 3_000_004]


def test_trained_weights_that_are_not_here_are_fetched_first(tmp_path: Path) -> None:
    place = workspace.make(
        tmp_path / "ws", {"tuned": "FROM ../models/checkpoints/tuned/v1/w.gguf\n"}
    )
    content = b"GGUF" + b"tuned" * 100
    kept = tmp_path / "nas/w.gguf"
    kept.parent.mkdir()
    kept.write_bytes(content)
    described = Manifest(
        uri=str(kept), sha256=hashlib.sha256(content).hexdigest(), size=len(content)
    )
    path = place.layout.checkpoint("tuned", "v1")
    path.parent.mkdir(parents=True)
    manifest.write(place.layout, Weights("tuned", "v1", described, path))
    with running(FakeOllama()) as fake:
        assert workspace.states(workspace.sync(place, fake.url)) == {"tuned": "built"}
        assert workspace.planned(place, fake.url).drift == ()
    assert (path.parent / "v1/w.gguf").read_bytes() == content


@pytest.mark.parametrize("kind", ["cut", "reset", "busy", "html", "truncated", "inline"])
@pytest.mark.parametrize("route", ["pull", "create"])
def test_what_asking_again_can_help_is_asked_again(tmp_path: Path, kind: str, route: str) -> None:
    place = workspace.make(tmp_path / "ws", {"mine": "FROM m:1\nSYSTEM hi\n"})
    fake = FakeOllama(offered={"m:1"})
    fake.fail(kind, route=route, nth=1, at=2)  # type: ignore[arg-type]
    said: list[str] = []
    with running(fake):
        watch = lambda _key, progress: said.append(progress.status)  # noqa: E731
        assert workspace.sync(place, fake.url, watch=watch, patience=TWICE).ok
    assert any(text.startswith("again in 0.01 s: ") for text in said)


@pytest.mark.parametrize("kind", ["disk", "redirect"])
def test_what_asking_again_cannot_help_is_asked_once(tmp_path: Path, kind: str) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    fake = FakeOllama(offered={"m:1"})
    fake.fail(kind, route="pull", nth=1, at=2)  # type: ignore[arg-type]
    with running(fake):
        (result, _) = workspace.sync(place, fake.url, patience=TWICE).results
        assert (result.state, bool(result.cure)) == ("failed", True)
        assert [one.route for one in fake.changes] == ["pull"]


def test_a_cut_pull_goes_on_where_it_stopped(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    fake = FakeOllama(offered={"m:1"})
    fault = fake.fail("reset", route="pull", at=4)
    with running(fake):
        report = workspace.sync(place, fake.url)
        assert report.results[0].state == "failed"
        assert "the connection broke" in report.results[0].detail
        fault.route = "none"
        assert workspace.sync(place, fake.url).ok
        assert set(fake.downloads.fetched.values()) == {1}


def test_a_server_too_old_for_a_field_is_named_and_asked_once(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"mine": "FROM m:1\nRENDERER qwen3\n"})
    fake = FakeOllama(offered={"m:1"}, version="0.11.0")
    with running(fake):
        failed = workspace.sync(place, fake.url, patience=TWICE).results[-1]
        assert failed.state == "failed"
        assert "renderer needs 0.12.0 or newer" in failed.detail
        assert "mine:latest" not in fake.models


def test_a_success_that_the_server_does_not_list_is_none(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    with running(FakeOllama(offered={"m:1"}, faults={"m:1": "unlisted"})) as fake:
        result = workspace.sync(place, fake.url).results[0]
        assert (result.state, result.detail[-18:]) == ("failed", "not list the model")
        assert Record(place.root, fake.url).entries["m:1"].pending


@pytest.mark.parametrize("already", [True, False])
def test_another_digest_than_the_pinned_one_is_drift(tmp_path: Path, already: bool) -> None:
    entry = {"source": "ollama", "model_name": "m:1", "digest": f"sha256:{'0' * 64}"}
    place = workspace.make(tmp_path / "ws", {"base": entry})
    fake = FakeOllama(offered={"m:1"})
    if already:
        fake.add("m:1")
    with running(fake):
        report = workspace.sync(place, fake.url)
    assert workspace.states(report) == {"m:1": "drifted", "base": "skipped"}
    assert report.results[0].cure


def test_what_a_registry_offers_no_longer_is_not_pulled_for_it(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    fake = FakeOllama(offered={"m:1"})
    with running(fake):
        workspace.sync(place, fake.url)
        fake.offer("m:1", revision=2)
        fake.add("m:1")
        third = ollama.Remote("3" * 64, {})
        before = len(fake.changes)
        report = workspace.sync(place, fake.url, remote=lambda _name: third)
        assert len(fake.changes) == before
    assert report.results[0].detail.endswith("its registry offers 333333333333")


def test_what_the_team_locked_is_pulled_again_where_it_is_offered(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    fake = FakeOllama()
    locked = fake.offer("m:1")
    with running(fake):
        workspace.sync(place, fake.url)
        fake.offer("m:1", revision=2)
        fake.add("m:1")
        fake.offer("m:1")
        remote = ollama.Remote(locked.digest, {})
        report = workspace.sync(place, fake.url, remote=lambda _name: remote)
        assert workspace.states(report)["m:1"] == "pulled"
        assert fake.models["m:1"] == locked.digest


def test_a_newer_model_of_the_same_tag_is_fetched_by_force_and_told(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    fake = FakeOllama(offered={"m:1"})
    with running(fake):
        workspace.sync(place, fake.url)
        newer = fake.offer("m:1", revision=2)
        assert workspace.planned(place, fake.url).drift == ()
        report = workspace.sync(place, fake.url, force=True)
        assert fake.models["m:1"] == newer.digest
        assert report.results[0].state == "drifted"
        assert report.results[0].cure.endswith("mlws model lock --update base")


def test_two_syncs_of_one_server_take_turns(tmp_path: Path) -> None:
    models = {"base": "m:1", "mine": "FROM m:1\nSYSTEM hi\n"}
    places = [workspace.make(tmp_path / f"ws{number}", models) for number in range(3)]
    fake = FakeOllama(offered={"m:1"})
    fake.pull_pace = 0.01
    oks: list[bool] = []
    with running(fake):
        threads = [
            threading.Thread(target=lambda at=at: oks.append(workspace.sync(at, fake.url).ok))
            for at in places
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [one.route for one in fake.changes] == ["pull", "copy", "create"]
    assert oks == [True, True, True]


def test_a_server_that_goes_away_fails_what_is_left(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1", "mine": "FROM m:1\nSYSTEM hi\n"})
    with running(FakeOllama(offered={"m:1"})) as fake:

        def watch(_key: str, progress: Progress) -> None:
            if progress.status == "success":
                fake.instead = "html"

        report = workspace.sync(place, fake.url, watch=watch)
    assert [result.ok for result in report.results] == [False, False, False]
    assert "no Ollama server" in report.results[0].detail


def test_state_that_cannot_be_kept_is_told_before_anything_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with running(FakeOllama(offered={"m:1"})) as fake:
        with pytest.raises(MlwsError, match="cannot be made"):
            workspace.sync(place, fake.url)
        assert fake.asked == []


def test_no_server_at_all_is_no_verdict(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1"})
    with pytest.raises(Unavailable):
        workspace.sync(place, "http://127.0.0.1:9")


def test_the_registry_is_never_written(tmp_path: Path) -> None:
    place = workspace.make(tmp_path / "ws", {"base": "m:1", "mine": "FROM m:1\nSYSTEM hi\n"})
    before = place.layout.registry.read_bytes()
    with running(FakeOllama(offered={"m:1"})) as fake:
        workspace.sync(place, fake.url)
    assert place.layout.registry.read_bytes() == before
    assert registry.load(place.layout).models
