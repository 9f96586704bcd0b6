"""The limits of whoever reads a report, and words that must stay words."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.team.reporting import formats
from mlws_scaffold.team.reporting.page import Line, Page, Part, flat

HOSTILE = (
    "</script><!channel> *bold* `code` [x](javascript:alert(1)) @everyone | # not\n\n\u202eabc"
)
WORDS = st.one_of(st.text(), st.text(alphabet="𝔸a<&@_*`|#-. ", max_size=4000)).map(flat)
LINES = st.lists(st.builds(Line, WORDS, WORDS), max_size=20)
PARTS = st.lists(st.builds(Part, WORDS.map(lambda text: text[:80]), LINES, st.just(Line("none"))))
PAGES = st.builds(Page, WORDS, WORDS, PARTS, st.just("mlws report standup"))


def _big(lines: int, length: int) -> Page:
    part = Part("Commits", [Line("x" * length, "git 1234")] * lines, Line("none", "git"))
    return Page("Standup", "since Friday", [part], "mlws report standup")


@given(PAGES)
def test_slack_takes_every_report(page: Page) -> None:
    payload = json.loads(formats.slack(page))
    assert len(payload["blocks"]) <= 50
    assert 0 < formats.size(payload["text"]) <= 4000
    for block in payload["blocks"]:
        texts = [block["text"]] if "text" in block else block["elements"]
        most = 150 if block["type"] == "header" else 3000
        for text in texts:
            # Nothing in plain text calls a channel or becomes a link.
            assert text["type"] == "plain_text"
            assert formats.size(text["text"]) <= most


def test_what_slack_cannot_take_is_counted_and_pointed_at() -> None:
    payload = formats.payload(_big(400, 2900))
    last = payload["blocks"][-1]["elements"][0]["text"]
    assert re.fullmatch(r"\d+ more parts: mlws report standup", last)


def test_a_small_report_loses_nothing_in_slack() -> None:
    payload = formats.payload(_big(30, 500))
    shown = "\n".join(one["text"]["text"] for one in payload["blocks"] if one["type"] == "section")
    assert shown.count("x" * 500) == 30


def test_github_takes_a_step_summary_and_hears_what_is_left_out() -> None:
    text = formats.github(_big(5000, 400))
    assert len(text.encode()) < 1_000_000
    found = re.search(r"(\d+) lines left out; all of it: `mlws report standup`", text)
    assert found is not None
    assert text.count("\n- ") + int(found[1]) == 5000
    small = _big(10, 100)
    assert formats.github(small) == formats.markdown(small)


@given(PAGES)
def test_every_line_is_one_line_in_text_and_markdown(page: Page) -> None:
    count = sum(len(lines) for _, lines in page.shown())
    heads = len(page.shown())
    assert len(formats.text(page).split("\n")) == 3 + 2 * heads + count
    assert formats.markdown(page).count("\n") == 3 + 3 * heads + count


def test_words_of_people_are_words_in_markdown() -> None:
    page = Page("T", "a", [Part("P", [Line(flat(HOSTILE), flat(HOSTILE))], Line(""))], "c")
    text = formats.markdown(page)
    assert "<!channel" not in text
    assert "</script" not in text
    assert "@everyone" not in text
    assert "[x](" not in text.replace("\\[x\\](", "")
    assert "\u202e" not in text


def test_a_line_that_begins_like_a_heading_or_list_stays_a_line() -> None:
    lines = [Line(text, "s") for text in ("# a", "- b", "+ c", "> d", "12. e", "3) f")]
    text = formats.markdown(Page("T", "a", [Part("P", lines, Line(""))], "c"))
    assert [line for line in text.split("\n") if line.startswith("- ")] == [
        f"- {shown} <sub>s</sub>"
        for shown in ("\\# a", "\\- b", "\\+ c", "\\> d", "12\\. e", "3\\) f")
    ]
