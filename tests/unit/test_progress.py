"""What is shown of work that runs: few lines, and bars that never run backwards."""

from __future__ import annotations

import io
import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from mlws_scaffold.cli import output
from mlws_scaffold.cli.meter import Meter
from mlws_scaffold.models.progress import Milestones, Progress


def test_progress_becomes_few_lines() -> None:
    said: list[str] = []
    watch = Milestones(said.append)
    for completed in range(1000):
        watch("base", Progress("pulling abc", "sha256:abc", 1000, completed))
    watch("base", Progress("success"))
    assert len(said) == 11
    assert said[1] == "base: pulling abc, 10 %"
    assert said[-1] == "base: success"


def test_two_models_at_a_time_and_a_server_that_falls_back_add_no_lines() -> None:
    said: list[str] = []
    watch = Milestones(said.append)
    for completed in (0, 40, 20, 40, 50):
        for key in ("one", "two"):
            watch(key, Progress("pulling abc", "sha256:abc", 100, completed))
    assert said == [f"{key}: pulling abc, {n} %" for n in (0, 40, 50) for key in ("one", "two")]


def test_a_line_without_a_model_has_no_name_before_it() -> None:
    said: list[str] = []
    Milestones(said.append)("", Progress("waiting"))
    assert said == ["waiting"]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(-5, 2_000), st.integers(-5, 1_500)),
        max_size=60,
    )
)
def test_nothing_that_is_shown_runs_backwards(calls: list[tuple[str, int, int]]) -> None:
    meter, last, whole = Meter(), dict[str, tuple[int, int]](), (0, 0)
    for name, done, total in calls:
        now = meter.take(name, done, total)
        before = last.get(name, (0, 0))
        assert 0 <= now.done <= now.total
        assert now.done >= before[0]
        assert now.total >= before[1]
        assert (now.all_done, now.all_total) >= whole
        assert now.all_done >= whole[0]
        last[name], whole = (now.done, now.total), (now.all_done, now.all_total)
        assert whole == tuple(map(sum, zip(*last.values(), strict=True)))


def test_bars_show_each_thing_and_all_together() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, color_system=None)
    with output.bars(console) as move:
        move("one: abc", 400_000, 1_000_000)
        move("two: def", 100_000, 1_000_000)
        move("one: abc", 300_000, 1_000_000)
    shown = screen.getvalue()
    last = shown[shown.rindex("one: abc") :]
    assert "0.4/1.0 MB" in last
    assert re.search(r"in all\s+0\.5/2\.0 MB", last)


def test_without_anything_to_show_the_screen_stays_untouched() -> None:
    screen = io.StringIO()
    with output.bars(Console(file=screen, force_terminal=True)):
        pass
    assert screen.getvalue() == ""
