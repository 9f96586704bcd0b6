"""Single collectors at their edges: squashes, states that came twice, gh, Prometheus, the cache."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.team.snapshot import commits, kept, knowledge, moves, reviews, uptime
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace import state
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import experiment_clones, fake_gh, tiny_workspace
from tests.support.experiment_clones import Clone, metadata
from tests.support.template_repo import write

PERIOD = Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC), "UTC")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return experiment_clones.team(tmp_path)


def _place(clone: Clone) -> Workspace:
    return load(clone.root, {})


def _states(clone: Clone) -> list[tuple[str | None, str]]:
    found = moves.of(_place(clone), PERIOD)
    return [(one["from"], one["to"]) for one in found.get("chunks-v1", [])]


def _becomes(clone: Clone, status: str, day: str) -> None:
    text = metadata("chunks", "ann").replace("in_progress", status)
    clone.experiment("ann", "chunks", text)
    clone.commit(f"{day}T12:00:00+00:00", f"now {status}")


def test_a_squash_of_what_a_branch_did_is_no_second_move(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "work")
    _becomes(clone, "planned", "2026-02-02")
    _becomes(clone, "in_progress", "2026-02-03")
    _becomes(clone, "completed", "2026-02-04")
    clone.git("checkout", "-q", "main")
    _becomes(clone, "completed", "2026-02-05")
    expected = [(None, "planned"), ("planned", "in_progress"), ("in_progress", "completed")]
    assert _states(clone) == expected


def test_what_began_before_the_period_does_not_begin_again_by_a_squash(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "work")
    _becomes(clone, "in_progress", "2026-01-20")
    clone.git("checkout", "-q", "main")
    _becomes(clone, "completed", "2026-02-05")
    assert _states(clone) == [("in_progress", "completed")]


def test_a_state_that_comes_back_is_a_move_each_time(clone: Clone) -> None:
    for day, status in (("02", "in_progress"), ("03", "blocked"), ("04", "in_progress")):
        _becomes(clone, status, f"2026-02-{day}")
    assert [to for _, to in _states(clone)] == ["in_progress", "blocked", "in_progress"]


def test_an_archived_experiment_moved_and_did_not_begin(clone: Clone) -> None:
    _becomes(clone, "completed", "2026-01-20")
    (clone.root / "experiments/archive/ann").mkdir(parents=True)
    clone.git("mv", "experiments/active/ann/chunks", "experiments/archive/ann/chunks")
    path = "experiments/archive/ann/chunks/metadata.yaml"
    write(clone.root, {path: metadata("chunks", "ann").replace("in_progress", "archived")})
    clone.commit("2026-02-05T12:00:00+00:00", "archive")
    assert _states(clone) == [("completed", "archived")]


def test_a_branch_that_went_on_after_its_squash_is_work_of_its_own(clone: Clone) -> None:
    clone.git("checkout", "-q", "-b", "feature")
    write(clone.root, {"a.txt": "a\n"})
    clone.commit("2026-02-02T12:00:00+00:00", "one")
    clone.git("checkout", "-q", "main")
    write(clone.root, {"a.txt": "a\n"})
    clone.commit("2026-02-03T12:00:00+00:00", "feature (#3)")
    clone.push()
    rows = {row["subject"]: row for row in commits.collect(_place(clone), PERIOD).data}
    assert rows["one"]["into"] == rows["feature (#3)"]["commit"]
    clone.git("checkout", "-q", "feature")
    write(clone.root, {"b.txt": "b\n"})
    clone.commit("2026-02-04T12:00:00+00:00", "two")
    rows = {row["subject"]: row for row in commits.collect(_place(clone), PERIOD).data}
    assert not rows["two"]["squashed"]


def test_subjects_of_any_kind_are_whole(clone: Clone) -> None:
    said = 'a | b "c" \t \u2028 \u00e9 (#7)'
    write(clone.root, {"message": said})
    clone.git("-c", "user.name=X", "-c", "user.email=x@example.org", "commit", "-q",
              "--allow-empty", "-F", "message", "--date=2026-02-02T12:00:00+00:00")  # fmt: skip
    now = Period(PERIOD.since, datetime.now(UTC).replace(year=2100), "UTC")
    found = commits.collect(_place(clone), now).data[0]
    assert (found["pr"], found["author"]) == (7, "X")
    assert found["subject"] == said.strip()


def test_pages_are_those_of_all_branches_and_a_deleted_one_is_gone(clone: Clone) -> None:
    def paths() -> list[str]:
        return sorted(row["path"] for row in knowledge.collect(_place(clone), PERIOD).data)

    learning, adr = "docs/learnings/2026-02-02-one.md", "docs/adrs/2026-02-03-two.md"
    write(clone.root, {learning: "# One\n", "docs/learnings/README.md": "# No page\n"})
    clone.commit("2026-02-02T12:00:00+00:00")
    assert paths() == [learning]
    clone.git("checkout", "-q", "-b", "other")
    write(clone.root, {adr: "---\nstatus: proposed\ntitle: Two\n---\n# 2\n\nBecause.\n"})
    clone.commit("2026-02-03T12:00:00+00:00")
    clone.git("checkout", "-q", "main")
    assert paths() == [adr, learning]
    found = next(r for r in knowledge.collect(_place(clone), PERIOD).data if r["path"] == adr)
    assert (found["title"], found["status"], found["branch"]) == ("Two", "proposed", "other")
    assert found["text"] == "Because."
    clone.git("rm", "-q", learning)
    clone.commit("2026-02-04T12:00:00+00:00")
    assert paths() == [adr]
    clone.git("branch", "-D", "other")
    assert paths() == []


@pytest.mark.parametrize(
    "damage", ["", "{", '{"version": 1}', "[]", '{"version": 1, "stamp": "texts", "content": 7}']
)
def test_a_damaged_cache_is_made_again(clone: Clone, damage: str) -> None:
    write(clone.root, {"docs/learnings/2026-02-02-one.md": "# One\n"})
    _becomes(clone, "planned", "2026-02-02")
    place = _place(clone)
    before = (knowledge.collect(place, PERIOD), moves.of(place, PERIOD))
    files = list((state.folder(place.root) / "snapshot").iterdir())
    assert len(files) >= 3
    for path in files:
        path.write_text(damage)
    assert (knowledge.collect(place, PERIOD), moves.of(place, PERIOD)) == before


def test_a_cache_that_cannot_be_written_changes_nothing(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    _becomes(clone, "planned", "2026-02-02")
    monkeypatch.setenv("XDG_STATE_HOME", "/dev/null")
    assert _states(clone) == [(None, "planned")]


def test_what_is_kept_for_another_stamp_is_not_used(clone: Clone) -> None:
    place = _place(clone)
    assert kept.made(place, "x", "one", lambda: 1) == 1
    assert kept.made(place, "x", "one", lambda: 2) == 1
    assert kept.made(place, "x", "two", lambda: 3) == 3
    assert kept.made(place, "x", "", lambda: 4) == 4


@pytest.mark.parametrize(
    "answer", ["<html>", '{"message": "x"}', "[1]", '[{"number": "?"}]', '[{"title": "no number"}]']
)
def test_another_answer_of_gh_is_no_list_of_reviews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    fake_gh.put(tmp_path / "bin", monkeypatch, {"pr list": answer})
    with pytest.raises(Unavailable, match="gh"):
        reviews.collect(load(tiny_workspace.make(tmp_path / "ws"), {}), PERIOD)


def test_gh_that_may_not_ask_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_gh.put(tmp_path / "bin", monkeypatch, {})
    with pytest.raises(Unavailable, match="HTTP 404"):
        reviews.collect(load(tiny_workspace.make(tmp_path / "ws"), {}), PERIOD)


class Prometheus(BaseHTTPRequestHandler):
    """Answers the one query that it is asked with `value`."""

    body = ""
    asked: list[str] = []  # noqa: RUF012 - one server a test

    def do_GET(self) -> None:
        type(self).asked.append(parse_qs(urlsplit(self.path).query)["query"][0])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.body.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus() -> Iterator[str]:
    Prometheus.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("result", "expected", "why"),
    [
        ([{"value": [0, "0.995"]}], 0.995, ""),
        ([], None, "has no series"),
        ([{"value": [0, "NaN"]}], None, "has no series"),
        ("?", None, "something else"),
    ],
)
def test_uptime_is_what_prometheus_says_or_not_measured(
    tmp_path: Path, prometheus: str, result: object, expected: float | None, why: str
) -> None:
    Prometheus.body = json.dumps({"status": "success", "data": {"result": result}})
    config = f'[reports]\nprometheus = "{prometheus}"\n'
    place = load(tiny_workspace.make(tmp_path / "ws", config=config), {})
    value, said = uptime.of(place, PERIOD, "helper")
    assert value == expected
    assert why in said
    assert Prometheus.asked == ['avg(avg_over_time(up{agent="helper"}[2419200s]))']


def test_a_prometheus_that_is_away_measures_nothing(tmp_path: Path) -> None:
    config = '[reports]\nprometheus = "http://127.0.0.1:9"\n'
    place = load(tiny_workspace.make(tmp_path / "ws", config=config), {})
    value, why = uptime.of(place, PERIOD, "helper")
    assert value is None
    assert "does not answer" in why
