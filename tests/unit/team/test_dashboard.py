"""The page as a file: what it says, what it escapes, when it is written, who may fetch it."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlws_scaffold.errors import InvalidFile, UsageError
from mlws_scaffold.team.dashboard import (
    calendar,
    details,
    making,
    render,
    rows,
    serving,
    weeks,
    words,
)
from mlws_scaffold.team.dashboard.making import Wish
from mlws_scaffold.team.snapshot import collect
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace
from tests.support import team
from tests.support.commandline import Mlws

PERIOD = Period(team.NOW - timedelta(days=30), team.NOW)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return team.make(tmp_path_factory.mktemp("team") / "ws", team.Size(experiments=12))


@pytest.fixture(scope="module")
def snapshot(place: Workspace) -> dict[str, Any]:
    return collect.build(place, PERIOD)


def _island(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_the_same_snapshot_gives_the_same_page(snapshot: dict[str, Any]) -> None:
    assert render.render(snapshot) == render.render(json.loads(json.dumps(snapshot)))


def test_every_experiment_is_in_the_page_with_its_numbers(snapshot: dict[str, Any]) -> None:
    data = _island(render.render(snapshot))
    shown = [dict(zip(data["keys"], row, strict=False)) for row in data["rows"]]
    assert len(shown) == 12
    for one, row in zip(snapshot["sections"]["experiments"]["data"], shown, strict=True):
        assert row["id"] == one["experiment_id"]
        assert row["best"] == pytest.approx(one["best_metric"], rel=1e-5)
        assert row["spark"] == pytest.approx(one["spark"], rel=1e-5)
        assert row["lost"] == len(one["lost_runs"])


def test_every_view_names_its_source(snapshot: dict[str, Any]) -> None:
    page = render.render(snapshot)
    views = re.findall(r'<h2 id="(\w+)-title">', page)
    assert len(views) == 8
    for name in views:
        source = snapshot["sections"][name]["source"]
        assert f"Source: {source.replace('&', '&amp;')}." in page, name


def test_a_snapshot_without_sections_is_a_page_that_says_so(snapshot: dict[str, Any]) -> None:
    page = render.render({**snapshot, "sections": {}})
    assert page.count("not measured: this snapshot has no section") >= 8


@given(st.text())
def test_no_text_ends_the_island(text: str) -> None:
    made = str(render.island({"text": text.encode("utf-8", "replace").decode()}))
    assert not set("<>&\u2028\u2029") & set(made)
    assert json.loads(made)["text"] == text.encode("utf-8", "replace").decode()


@given(st.text(), st.integers(1, 400))
def test_a_clean_text_is_one_visible_line_of_its_length(text: str, most: int) -> None:
    made = words.clean(text, most)
    assert len(made) <= most
    assert not re.search("[\x00-\x1f\u202a-\u202e\u2066-\u2069\u200e\u200f\ud800-\udfff]", made)
    made.encode()


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", " JavaScript:alert(1)", "data:text/html,x", "//host/path", "file:///x",
        "https://a b", 'https://a"onclick=x', "https://a\n", "vbscript:x", None, 7, "https:// ",
    ],
)  # fmt: skip
def test_only_web_addresses_become_links(text: Any) -> None:
    assert words.address(text) in ("", "https://a")


def test_a_long_list_has_shorter_texts_and_no_number_that_json_lacks() -> None:
    one = {"experiment_id": "a", "goal": "g" * 500, "best_metric": float("nan"), "runs": 1}
    few, many = rows.compact([one]), rows.compact([one] * 2001)
    assert len(few["rows"][0][3]) == 300
    assert len(many["rows"][0][3]) == 120
    assert few["rows"][0][7] is None


def test_a_reservation_over_midnight_lies_in_both_days_of_the_teams_zone() -> None:
    booking = {
        "host": "node1", "gpu": 0, "who": "ann", "from": "2026-03-28T20:00:00Z",
        "until": "2026-03-29T10:00:00Z", "purpose": "", "experiment": None, "used": None,
    }  # fmt: skip
    snapshot = {"at": "2026-03-28T12:00:00Z", "zone": "Europe/Berlin"}
    made = calendar.weeks({"reservations": [booking]}, snapshot)
    (row,) = made.rows
    first, second = row.days[0], row.days[1]
    assert [one.times for one in (*first, *second)] == ["21:00–24:00", "00:00–12:00"]
    # That night has one hour less, so its half day is eleven of twenty-three hours.
    assert second[0].wide == pytest.approx(11 * 24 / 23, abs=0.01)
    assert row.days[2:] == [[]] * 5


def test_the_weeks_of_each_person_come_to_their_sum(
    place: Workspace, snapshot: dict[str, Any]
) -> None:
    found, costs = weeks.collect(place, PERIOD), snapshot["sections"]["costs"]["data"]
    assert found["weeks"][-1] == "2026-W48"
    assert found["measure"] == "EUR"
    summed = {row["key"]: sum(row["amounts"]) for row in found["person"]}
    wanted = {row["key"]: row["costs"].get("EUR", 0.0) for row in costs["person"]}
    assert summed == pytest.approx(wanted, rel=1e-4)
    by_week = [
        sum(row["amounts"][at] for row in found["person"]) for at in range(len(found["weeks"]))
    ]
    assert sum(by_week) == pytest.approx(costs["total"]["costs"]["EUR"], rel=1e-4)


def test_the_address_of_the_repository_loses_its_password(place: Workspace) -> None:
    git = details.Git(place.root)
    for url, wanted in (
        ("https://user:secret@git.example.org/team/ml.git", "https://git.example.org/team/ml"),
        ("git@git.example.org:team/ml.git", "https://git.example.org/team/ml"),
        ("ssh://git@git.example.org:22/team/ml", "https://git.example.org/team/ml"),
        ("/srv/git/ml.git", ""),
        ("file:///srv/git/ml.git", ""),
    ):
        git.run("config", "remote.origin.url", url)
        assert details.repository(place.root) == wanted
    git.run("config", "--unset", "remote.origin.url")


def test_the_page_is_written_whole_or_not_at_all(place: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    made = making.make(place, Wish(target))
    assert made.changed
    assert made.bytes == target.stat().st_size
    before = target.read_bytes()
    (tmp_path / "snap.json").write_text('{"version": 1, "sections": {"experiments": []}}')
    with pytest.raises(InvalidFile):
        making.make(place, Wish(target, snapshot=tmp_path / "snap.json"))
    with pytest.raises(UsageError, match="no folder"):
        making.make(place, Wish(tmp_path / "none/page.html"))
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "snap.json"]


def test_a_kept_snapshot_gives_the_page_of_its_time(
    place: Workspace, snapshot: dict[str, Any], tmp_path: Path
) -> None:
    kept = tmp_path / "monday.json"
    kept.write_text(json.dumps(snapshot))
    made = making.make(place, Wish(tmp_path / "page.html", snapshot=kept))
    assert (tmp_path / "page.html").read_text() == render.render(snapshot)
    assert not making.make(place, Wish(made.path, snapshot=kept)).changed


def test_the_command_says_what_it_wrote_and_what_is_missing(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mlws = Mlws(place.root, monkeypatch, capsys)
    said = json.loads(mlws("report", "dashboard", "--json").out)
    assert said["path"].endswith("docs/experiment-dashboard.html")
    assert Path(said["path"]).stat().st_size == said["bytes"]
    assert set(said) == {"path", "bytes", "changed", "not_measured"}


@pytest.fixture
def address(tmp_path: Path) -> str:
    page = tmp_path / "page.html"
    page.write_text("the page")
    said: list[str] = []
    heard = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        heard.set()

    threading.Thread(target=serving.serve, args=(page, 0, say), daemon=True).start()
    assert heard.wait(30)
    return said[0].split()[0]


def test_only_this_machine_by_its_own_name_is_answered(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")
    assert urlopen(address, timeout=30).read() == b"the page"
    for request in (Request(f"{address}mlws.toml"), Request(address, headers={"Host": "evil:1"})):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urlopen(request, timeout=30)
        assert refused.value.code == 404


def test_a_taken_port_is_said(address: str, tmp_path: Path) -> None:
    port = int(address.rstrip("/").rpartition(":")[2])
    with pytest.raises(UsageError, match="cannot be used"):
        serving.serve(tmp_path / "page.html", port, lambda _text: None)
