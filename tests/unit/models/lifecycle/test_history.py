"""The history: one line a move, added whole, read whatever two branches made of it."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlws_scaffold.errors import InvalidFile, UsageError
from mlws_scaffold.models.lifecycle import history, past
from mlws_scaffold.models.lifecycle.history import Evidence
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.layout import Layout
from tests.support import tiny_workspace
from tests.unit.models.lifecycle.test_moves import BEGIN, record

ROOT = Path(__file__).parents[4]
FILE = "models/history.jsonl"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tiny_workspace.make(tmp_path / "ws"))


def test_a_record_is_read_as_it_was_written(layout: Layout) -> None:
    evidence = Evidence(name="unit cases", result="pass", seconds=1.5, evidence={"n": [1, "é "]})
    given = record(1, "v1", "staging", "production").model_copy(update={"gates": (evidence,)})
    history.append(layout, given)
    assert history.load(layout) == [given]
    assert history.holds(layout, given.line())
    assert not history.holds(layout, record(2, "v1", "staging", "production").line())


def test_the_line_has_the_documented_fields_in_their_order(layout: Layout) -> None:
    history.append(layout, record(1, "v1", "staging", "production"))
    line = (layout.root / FILE).read_text()
    assert line.endswith("\n")
    assert list(json.loads(line)) == [
        *("at", "actor", "model", "action", "version", "from", "to", "digest", "commit"),
        *("gates", "reason"),
    ]


def test_what_stands_there_is_never_touched(layout: Layout) -> None:
    first = record(1, "v1", "development", "testing").line().rstrip("\n")
    (layout.root / FILE).write_text(first)  # somebody's editor left the end of the line out
    history.append(layout, record(2, "v1", "testing", "staging"))
    assert (layout.root / FILE).read_text().startswith(f"{first}\n")
    assert [one.to for one in history.load(layout)] == ["testing", "staging"]


def test_the_order_is_that_of_time_not_of_lines(layout: Layout) -> None:
    for number in (3, 1, 2):
        history.append(layout, record(number, f"v{number}", "staging", "production"))
    assert [one.version for one in history.load(layout)] == ["v1", "v2", "v3"]


def test_every_line_that_is_no_record_is_named(layout: Layout) -> None:
    good = record(1, "v1", "a", "b").line()
    lines = [good, "<<<<<<< ours\n", '{"at": "today"}\n', "\n", good[:40]]
    (layout.root / FILE).write_text("".join(lines))
    with pytest.raises(InvalidFile) as caught:
        history.load(layout)
    assert [problem.line for problem in caught.value.problems] == [2, 3, 5]


def test_a_field_of_a_later_version_does_not_disturb(layout: Layout) -> None:
    data = {**json.loads(record(1, "v1", "a", "b").line()), "mood": "good"}
    (layout.root / FILE).write_text(json.dumps(data) + "\n")
    assert history.load(layout)[0].version == "v1"


def test_a_record_never_comes_before_what_it_follows() -> None:
    ahead = [record(5, "v1", "a", "b")]
    assert history.instant(ahead, BEGIN) == ahead[0].at + timedelta(microseconds=1)
    later = BEGIN + timedelta(days=1)
    assert history.instant(ahead, later) == later
    assert history.instant([], BEGIN) == BEGIN


def test_two_branches_that_both_promoted_merge_by_union(layout: Layout) -> None:
    root = layout.root

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)

    rendered = (ROOT / "templates/workspace/.gitattributes.jinja").read_text()
    rule = next(line for line in rendered.splitlines() if line.startswith("*.jsonl "))
    (root / ".gitattributes").write_text(f"{rule}\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "-qm", "begin")
    git("switch", "-qc", "other")
    history.append(layout, record(1, "v1", "staging", "production"))
    git("add", ".")
    git("commit", "-qm", "v1")
    git("switch", "-q", "main")
    history.append(layout, record(2, "v2", "staging", "production"))
    git("add", ".")
    git("commit", "-qm", "v2")
    git("merge", "-q", "other")
    assert [one.version for one in history.load(layout)] == ["v1", "v2"]


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-01-01", "UTC", "2026-01-01T23:59:59.999999+00:00"),
        ("2026-01-01", "America/New_York", "2026-01-02T04:59:59.999999+00:00"),
        ("2026-01-01T12:00", "Europe/Berlin", "2026-01-01T11:00:00+00:00"),
        ("2026-01-01T12:00:00Z", "Europe/Berlin", "2026-01-01T12:00:00+00:00"),
    ],
)
def test_a_day_means_its_end_and_a_time_its_zone(text: str, zone: str, instant: str) -> None:
    assert past.instant(text, zone).astimezone(UTC) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(("text", "zone"), [("yesterday", "UTC"), ("2026-01-01", "Mars/Base")])
def test_what_is_no_time_is_refused(text: str, zone: str) -> None:
    with pytest.raises(UsageError):
        past.instant(text, zone)


def test_a_model_that_left_the_registry_keeps_its_history(layout: Layout) -> None:
    here = config.load(layout.root, {})
    history.append(layout, record(1, "v1", "staging", "production"))
    assert [one.version for one in past.records(here, "m")] == ["v1"]
    assert past.records(here, "base") == []
    with pytest.raises(UsageError, match="no model 'bsae'"):
        past.records(here, "bsae")


def test_what_was_in_production_on_a_day(layout: Layout) -> None:
    here = config.load(layout.root, {})
    for number, version in ((1, "v1"), (30, "v2")):
        history.append(layout, record(number, version, "staging", "production"))
    found = [
        past.in_production(here, "m", day)
        for day in ("2025-12-31", "2026-01-01", "2026-01-02", "2027-01-01")
    ]
    assert [one.version if one else None for one in found] == [None, "v1", "v2", "v2"]
