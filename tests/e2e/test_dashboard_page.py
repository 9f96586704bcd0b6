"""The team's page in a real browser: what a person does with it, by mouse and by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from mlws_scaffold.team.dashboard import making, render
from mlws_scaffold.team.dashboard.making import Wish
from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.team.snapshot.period import Period
from tests.support import browser, team

pytestmark = pytest.mark.services

# Where CI keeps pictures of what people see; nowhere without it.
PICTURES = os.environ.get("MLWS_TEST_PICTURES", "")
VIEWS = ("experiments", "attention", "models", "agents", "gpus", "costs", "knowledge", "people")
CUT_OFF = """() => [...document.querySelectorAll("main > section.on *, nav *, header *")]
  .filter((one) => !one.closest(".wide, svg, .unseen, .skip") && one.getClientRects().length)
  .filter((one) => {
    const box = one.getBoundingClientRect();
    return box.right > innerWidth + 1 || box.left < -1;
  })
  .map((one) => one.outerHTML.slice(0, 200))"""
# Two texts of the same parent never lie on one another.
OVERLAP = """() => {
  const found = [];
  for (const parent of document.querySelectorAll("main > section.on *, header, nav ul")) {
    const boxes = [...parent.children]
      .filter((one) => !one.closest("svg, .unseen") && one.textContent)
      .map((one) => [one, one.getBoundingClientRect()])
      .filter(([, box]) => box.width && box.height);
    for (let at = 1; at < boxes.length; at++) {
      const [a, b] = [boxes[at - 1][1], boxes[at][1]];
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (x > 2 && y > 4 && getComputedStyle(boxes[at][0]).display !== "inline") {
        found.push([boxes[at - 1][0], boxes[at][0]].map((one) => one.outerHTML.slice(0, 120)));
      }
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The page of a team with sixty experiments."""
    folder = tmp_path_factory.mktemp("team")
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    place = team.make(folder / "ws")
    yield making.make(place, Wish(since="2026-10-25")).path
    if before is None:
        del os.environ["XDG_STATE_HOME"]
    else:
        os.environ["XDG_STATE_HOME"] = before


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_and_nothing_overlaps(width: int, scheme: str, page_file: Path) -> None:
    with browser.page(color_scheme=scheme, viewport={"width": width, "height": 900}) as page:
        page.goto(page_file.as_uri())
        first = page.locator("#rows a").first.get_attribute("href") or ""
        for view in (*VIEWS, first.removeprefix("#")):
            page.goto(f"{page_file.as_uri()}#{view}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view
            assert page.evaluate(CUT_OFF) == [], view
            assert page.evaluate(OVERLAP) == [], view
            if PICTURES:
                name = f"dashboard-{view.partition('/')[0]}-{width}-{scheme}.png"
                page.screenshot(path=Path(PICTURES) / name, full_page=True)


def test_a_person_searches_chooses_sorts_and_shares_the_address(page_file: Path) -> None:
    with browser.page() as page:
        page.goto(page_file.as_uri())
        found = page.locator("#found")
        assert found.inner_text() == "60 of 60 experiments"
        page.locator("#q").fill("dropout")
        state = page.locator("#rows td").first.inner_text()
        page.locator("#f-state").select_option(state)
        page.get_by_role("button", name="Best").click()
        shown = found.inner_text()
        number = int(shown.split()[0])
        assert 0 < number < 60
        assert page.locator("#rows tr").count() == number
        for row in page.locator("#rows tr").all():
            words = row.inner_text().lower()
            assert "dropout" in words
            assert state in words
        address, rows = page.url, page.locator("#rows").inner_text()
        assert f"#experiments?q=dropout&state={state}&sort=best" in address
        page.goto("about:blank")
        page.goto(address)
        assert found.inner_text() == shown
        assert page.locator("#rows").inner_text() == rows
        page.get_by_role("button", name="Clear").click()
        assert found.inner_text() == "60 of 60 experiments"


def test_a_column_is_sorted_by_the_keyboard_and_says_so(page_file: Path) -> None:
    with browser.page() as page:
        page.goto(page_file.as_uri())
        head = page.locator("th:has([data-sort=id])")
        assert head.get_attribute("aria-sort") == "none"
        page.locator("[data-sort=id]").focus()
        page.keyboard.press("Enter")
        names = page.locator("#rows th a").all_inner_texts()
        assert names == sorted(names)
        assert head.get_attribute("aria-sort") == "ascending"
        page.keyboard.press("Enter")  # the focus stays where it was
        assert head.get_attribute("aria-sort") == "descending"
        assert page.locator("#rows th a").all_inner_texts() != names
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid"


def test_everything_is_reached_by_the_tab_key(page_file: Path) -> None:
    with browser.page() as page:
        page.goto(page_file.as_uri())
        reached: list[str] = []
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.id || document.activeElement.textContent")
            )
        assert reached[:2] == ["To the content", "theme"]
        for wanted in ("q", "f-state", "f-owner", "f-tag", "f-branch", "f-only", "Experiment"):
            assert wanted in reached, reached


def test_an_experiment_has_its_own_page_with_configuration_curves_and_lineage(
    page_file: Path,
) -> None:
    with browser.page() as page:
        page.goto(page_file.as_uri())
        link = page.locator("#rows th a").first
        name = link.inner_text()
        link.click()
        own = page.locator("#experiment")
        assert own.get_by_role("heading", level=2).inner_text().startswith(name)
        words = own.inner_text()
        assert "seed: " in own.locator("pre").inner_text()
        assert "config.yaml on " in words
        assert "finished runs in the tracking store" in words
        assert f"{name} (this one)" in words
        assert own.locator("svg.curve").count() == 2
        assert "points, from" in (own.locator("svg.curve").first.get_attribute("aria-label") or "")
        page.get_by_role("link", name="← all experiments").click()
        assert page.locator("#found").inner_text() == "60 of 60 experiments"


def test_lost_runs_are_marked_and_can_be_chosen(page_file: Path) -> None:
    with browser.page() as page:
        page.goto(page_file.as_uri())
        page.locator("#f-only").select_option("lost")
        rows = page.locator("#rows tr")
        assert rows.count() == page.locator("#rows .lost").count() > 0
        page.locator("#f-only").select_option("stale")
        assert rows.count() == page.locator("#rows .stale").count() > 0


def test_without_scripts_there_is_a_table_and_every_view(page_file: Path) -> None:
    with browser.page(java_script_enabled=False) as page:
        page.goto(page_file.as_uri())
        assert page.locator("noscript tbody tr").count() == 50
        assert page.locator("#filters").is_hidden()
        for view in VIEWS:
            assert page.locator(f"#{view} h2").is_visible()


def test_the_theme_can_be_chosen_and_paper_is_light(page_file: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    with browser.page(color_scheme="dark") as page:
        page.goto(page_file.as_uri())
        dark = page.evaluate(background)
        page.locator("#theme").click()
        assert page.locator("#theme").inner_text() == "Theme: light"
        assert page.evaluate(background) == "rgb(255, 255, 255)" != dark
        page.locator("#theme").click()
        assert page.evaluate(background) == dark
        page.emulate_media(media="print")
        assert page.evaluate(background) == "rgb(255, 255, 255)"
        assert page.locator("nav").is_hidden()
        assert page.locator("#rows tr").first.is_visible()


def test_the_page_asks_nothing_of_any_server(page_file: Path) -> None:
    with browser.page() as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        for view in VIEWS:
            page.goto(f"{page_file.as_uri()}#{view}")
        assert {url.partition("#")[0] for url in asked} <= {page_file.as_uri(), "data:,"}


def _show(folder: Path, size: team.Size) -> Path:
    place = team.make(folder / "ws", size)
    period = Period(team.NOW - timedelta(days=30), team.NOW)
    made = folder / "page.html"
    made.write_text(render.render(collect.build(place, period)))
    return made


@pytest.mark.parametrize(
    ("size", "said"),
    [(team.EMPTY, "0 of 0 experiments"), (team.ALONE, "3 of 3 experiments")],
    ids=["an empty workspace", "one person"],
)
def test_a_small_team_has_a_page_too(size: team.Size, said: str, tmp_path: Path) -> None:
    made = _show(tmp_path, size)
    with browser.page(viewport={"width": 390, "height": 800}) as page:
        page.goto(made.as_uri())
        assert page.locator("#found").inner_text() == said
        for view in VIEWS:
            page.goto(f"{made.as_uri()}#{view}")
            assert page.locator(f"#{view} h2").is_visible()
            assert page.evaluate(CUT_OFF) == [], view
