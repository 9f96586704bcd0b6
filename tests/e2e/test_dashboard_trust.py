"""The team's page with hostile data, without data, for everybody, and with ten thousand rows."""

from __future__ import annotations

import gzip
import os
import statistics
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mlws_scaffold.errors import MlwsError
from mlws_scaffold.team.dashboard import details, render
from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.team.snapshot.period import Period
from tests.support import axe, browser, team

pytestmark = pytest.mark.services

PERIOD = Period(team.NOW - timedelta(days=30), team.NOW)
VIEWS = ("experiments", "attention", "models", "agents", "gpus", "costs", "knowledge", "people")
HOSTILE = (
    "</script><script>window.hacked = 1</script> and more of it",
    "<img src=x onerror='window.hacked = 2'> and more of it",
    "\"'><svg onload=window.hacked=3> {{ 7 * 7 }} {% raw %}",
    "<!--<script> ]]> \\u003c/script\\u003e <style>body{display:none}</style>",
    "\u202egnp.exe\u202c right to left \u2067 and \u200f back",
    "<a href='javascript:window.hacked=4'>click here, it is safe</a>",
)
LONG = "x" * 10_000


def _snapshot(folder: Path, size: team.Size) -> dict[str, Any]:
    place = team.make(folder / "ws", size)
    found = collect.build(place, PERIOD)
    rows = found["sections"]["experiments"]["data"]
    found["sections"]["details"] = details.collect(place, PERIOD, rows).shape()
    return found


def _page(folder: Path, snapshot: dict[str, Any]) -> Path:
    made = folder / "page.html"
    made.write_text(render.render(snapshot), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe.installed(tmp_path_factory.mktemp("axe"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_in_any_view(
    width: int, scheme: str, checker: str, tmp_path: Path
) -> None:
    made = _page(tmp_path, _snapshot(tmp_path, team.Size(experiments=20)))
    with browser.page(color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        page.goto(made.as_uri())
        first = page.locator("#rows a").first.get_attribute("href") or ""
        for view in (*VIEWS, first.removeprefix("#")):
            page.goto(f"{made.as_uri()}#{view}")
            assert axe.serious(page, checker) == [], view


def test_axe_finds_what_is_serious(checker: str, tmp_path: Path) -> None:
    """Else the test above says nothing."""
    made = _page(tmp_path, _snapshot(tmp_path, team.ALONE))
    with browser.page() as page:
        page.goto(made.as_uri())
        page.evaluate(
            "document.querySelector('label.search').replaceWith(document.getElementById('q'))"
        )
        assert any("label" in one for one in axe.serious(page, checker))


def _poisoned(value: Any, number: Iterator[int]) -> Any:
    """Every text of the snapshot's data but ids and instants, replaced by a hostile one."""
    if isinstance(value, dict):
        kept = ("experiment_id", "at", "from", "until", "last_activity", "started", "ended", "tree")
        return {key: one if key in kept else _poisoned(one, number) for key, one in value.items()}
    if isinstance(value, list):
        return [_poisoned(one, number) for one in value]
    if isinstance(value, str):
        at = next(number)
        return LONG if at % 11 == 0 else HOSTILE[at % len(HOSTILE)]
    return value


def test_hostile_words_everywhere_change_nothing(tmp_path: Path) -> None:
    """Metadata that people wrote, through git and the index, then every other text as well."""
    size = team.Size(experiments=24, goals=[goal[:290] for goal in HOSTILE], tags=[LONG, *HOSTILE])
    honest = _snapshot(tmp_path, size)
    rows = honest["sections"]["experiments"]["data"]
    assert len(rows) == 24
    assert any(LONG in row["tags"] for row in rows)
    for row in rows:
        row["links"]["pr"] = "javascript:window.hacked=5"
    poisoned = {
        **honest,
        "workspace": dict.fromkeys(honest["workspace"], HOSTILE[0]),
        "sections": {
            name: {**one, "data": _poisoned(one["data"], iter(range(10**6)))}
            for name, one in honest["sections"].items()
        },
    }
    for name, snapshot in (("honest", honest), ("poisoned", poisoned)):
        folder = tmp_path / name
        folder.mkdir()
        _visited(_page(folder, snapshot))


def _visited(made: Path) -> None:
    with browser.page(viewport={"width": 390, "height": 900}) as page:
        page.goto(made.as_uri())
        names = page.locator("#rows th a").all_inner_texts()
        assert len(names) == 24
        for view in (*VIEWS, *(f"experiment/{name}" for name in names[:6])):
            page.goto(f"{made.as_uri()}#{view}")
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, view
            assert page.evaluate("window.hacked") is None
            found = page.evaluate(
                "[...document.querySelectorAll('a')].filter((one) =>"
                " !/^(https?:|file:)$/.test(one.protocol)).map((one) => one.href)"
            )
            assert found == []
        assert page.locator("script").count() == 3
        assert page.locator("img, iframe, object, embed, base, form[action]").count() == 0
        inside = "[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes])"
        assert page.evaluate(f"{inside}.filter((one) => one.name.startsWith('on')).length") == 0
        turned = "/[\\u202a-\\u202e\\u2066-\\u2069\\u200f]/.test(document.body.innerText)"
        assert page.evaluate(turned) is False


def test_the_policy_stops_a_script_that_got_in_all_the_same(tmp_path: Path) -> None:
    text = render.render(_snapshot(tmp_path, team.ALONE))
    broken = text.replace("<nav", "<script>window.hacked = 1</script><nav", 1)
    (tmp_path / "broken.html").write_text(broken)
    said: list[str] = []

    def look() -> None:
        with browser.page() as page:
            page.on("console", lambda entry: said.append(entry.text))
            page.goto((tmp_path / "broken.html").as_uri())
            said.append(f"hacked: {page.evaluate('window.hacked')}")

    # Whatever a page complains of fails the test that shows it.
    with pytest.raises(AssertionError):
        look()
    assert any("Content Security Policy" in one for one in said)
    assert "hacked: None" in said


def test_when_everything_fails_each_view_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_asked: object) -> None:
        raise MlwsError("the disk is on <fire>")

    for one in collect.COLLECTORS:
        monkeypatch.setattr(one, "collect", fail)
    made = _page(tmp_path, _snapshot(tmp_path, team.ALONE))
    with browser.page() as page:
        page.goto(made.as_uri())
        for view in VIEWS:
            page.goto(f"{made.as_uri()}#{view}")
            words = page.locator(f"#{view}").inner_text()
            if view != "attention":  # it is computed from the others
                assert "not measured: the disk is on <fire>" in words


TIMED = """async (step) => {
  const q = document.getElementById("q");
  const typed = new Event("input", { bubbles: true });
  const type = (text) => { q.value = text; q.dispatchEvent(typed); };
  const click = (key) => document.querySelector(`[data-sort=${key}]`).click();
  await new Promise((done) => setTimeout(done, 200));
  const began = performance.now();
  if (step.startsWith("sort ")) click(step.slice(5)); else type(step);
  return performance.now() - began;
}"""


def test_ten_thousand_experiments_paint_filter_and_sort_at_once(tmp_path: Path) -> None:
    snapshot = _snapshot(tmp_path, team.Size(experiments=10_000, runs=3))
    made = _page(tmp_path, snapshot)
    size = len(gzip.compress(made.read_bytes(), 6))
    with browser.page(viewport={"width": 1280, "height": 900}) as page:
        paints, taken = [], {"filter": [], "sort": []}
        for _ in range(3):
            page.goto("about:blank")
            page.goto(made.as_uri())
            assert page.locator("#found").inner_text() == "10000 of 10000 experiments"
            paints.append(
                page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
        page.wait_for_timeout(1000)
        for words in ("dropout", "dropout legal", "dropout legal completed", "no such word", ""):
            taken["filter"].append(page.evaluate(TIMED, words))
        for key in ("id", "best", "delta", "cost", "owner", "last"):
            taken["sort"].append(page.evaluate(TIMED, f"sort {key}"))
        figures = {name: statistics.median(values) for name, values in taken.items()}
        print(
            f"\n10,000 experiments: first paint {statistics.median(paints):.0f} ms, filter"
            f" {figures['filter']:.0f} ms, sort {figures['sort']:.0f} ms, {size / 1e6:.2f} MB gzip"
        )
        # A loaded machine is five times slower; MLWS_TEST_QUIET asks for the promised figures.
        slack = 1 if os.environ.get("MLWS_TEST_QUIET") else 5
        assert size <= 1_000_000
        assert statistics.median(paints) <= 1000 * slack
        assert max(figures.values()) <= 50 * slack
