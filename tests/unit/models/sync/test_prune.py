"""What is removed from a server: only what mlws brought there for this registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters import ollama
from mlws_scaffold.models.sync import execute
from mlws_scaffold.models.sync.report import Report
from mlws_scaffold.workspace.config import Workspace
from tests.support import model_workspace as workspace
from tests.support.fake_ollama import FakeOllama, running

MODELS = {"base": "m:1", "mine": "FROM m:1\nSYSTEM hi\n", "keep": "FROM n:1\nSYSTEM keep\n"}


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return workspace.make(tmp_path / "ws", MODELS)


@pytest.fixture
def offered() -> FakeOllama:
    return FakeOllama(offered={"m:1", "n:1"})


def _names(report: Report) -> list[str]:
    return [one.name for one in report.leftovers]


def test_what_the_registry_names_no_longer_is_found_and_removed(
    place: Workspace, offered: FakeOllama
) -> None:
    with running(offered) as fake:
        workspace.sync(place, fake.url)
        workspace.write(place.root, {"keep": MODELS["keep"]})
        planned = workspace.planned(place, fake.url)
        assert [one.name for one in planned.leftovers] == ["base:latest", "m:1", "mine:latest"]
        assert {one.made_by for one in planned.leftovers} == {"pulled", "created", "copied"}
        before = len(fake.changes)
        report = workspace.sync(place, fake.url)
        assert len(fake.changes) == before
        removed = execute.remove(place, fake.url, _names(report))
        assert [result.state for result in removed] == ["removed"] * 3
        assert sorted(fake.models) == ["keep:latest", "n:1"]
        assert _names(workspace.sync(place, fake.url)) == []


def test_what_a_person_put_there_stays(place: Workspace, offered: FakeOllama) -> None:
    offered.add("m:1", "theirs:1")
    with running(offered) as fake:
        workspace.sync(place, fake.url)
        workspace.write(place.root, {})
        assert _names(workspace.sync(place, fake.url)) == [
            "base:latest",
            "keep:latest",
            "mine:latest",
            "n:1",
        ]


def test_what_was_replaced_since_is_not_ours_any_more(
    place: Workspace, offered: FakeOllama
) -> None:
    with running(offered) as fake:
        workspace.sync(place, fake.url)
        workspace.write(place.root, {"keep": MODELS["keep"]})
        [*ollama.create(fake.url, "mine", {"from": "m:1", "system": "ho"})]
        report = workspace.sync(place, fake.url)
        assert "mine:latest" not in _names(report)
        (result,) = execute.remove(place, fake.url, ["mine:latest"])
        assert result.state == "skipped"
        assert "mine:latest" in fake.models


def test_versions_and_aliases_of_a_model_that_stays_stay(
    place: Workspace, offered: FakeOllama
) -> None:
    kept = ("mine:v1.0.0", "mine:production")
    old = {name.replace(":", "-"): _built_as(name) for name in kept}
    workspace.write(place.root, {**MODELS, **old})
    for key in old:
        (place.root / f"modelfiles/{key}").write_text("FROM m:1\nSYSTEM hi\n")
    with running(offered) as fake:
        assert workspace.sync(place, fake.url).ok
        assert set(kept) < set(fake.models)
        workspace.write(place.root, MODELS)
        assert [name for name in _names(workspace.sync(place, fake.url)) if name in kept] == []


def _built_as(name: str) -> dict[str, str]:
    path = f"modelfiles/{name.replace(':', '-')}"
    return {"source": "custom", "model_name": name, "modelfile": path}


def test_another_workspace_of_the_same_server_loses_nothing(
    tmp_path: Path, place: Workspace, offered: FakeOllama
) -> None:
    other = workspace.make(tmp_path / "other", {"theirs": "FROM m:1\nSYSTEM theirs\n"})
    with running(offered) as fake:
        workspace.sync(other, fake.url)
        workspace.sync(place, fake.url)
        workspace.write(place.root, {})
        assert "theirs:latest" not in _names(workspace.sync(place, fake.url))


def test_nothing_is_removed_while_a_modelfile_cannot_be_read(
    place: Workspace, offered: FakeOllama
) -> None:
    with running(offered) as fake:
        workspace.sync(place, fake.url)
        workspace.write(place.root, {"keep": "FROM n:1\nPARAMETER temperature warm\n"})
        report = workspace.sync(place, fake.url)
        assert report.doubt == "the Modelfile of keep cannot be read"
        names = [one.name for one in report.leftovers]
        assert {one.state for one in execute.remove(place, fake.url, names)} == {"skipped"}
        assert "n:1" in fake.models


def test_a_chosen_sync_finds_the_same_leftovers(place: Workspace, offered: FakeOllama) -> None:
    with running(offered) as fake:
        workspace.sync(place, fake.url)
        workspace.write(place.root, {"base": "m:1", "keep": MODELS["keep"]})
        assert _names(workspace.sync(place, fake.url, "keep")) == ["mine:latest"]


def test_a_removal_that_fails_is_told(place: Workspace, offered: FakeOllama) -> None:
    with running(offered) as fake:
        workspace.sync(place, fake.url)
        workspace.write(place.root, {})
        fake.fail("500", route="delete", name="mine:latest")
        results = execute.remove(place, fake.url, ["m:1", "mine:latest"], workspace.IMPATIENT)
        assert [result.state for result in results] == ["removed", "failed"]
        fake.mend()
        assert [one.name for one in workspace.planned(place, fake.url).leftovers] == [
            "base:latest",
            "keep:latest",
            "mine:latest",
            "n:1",
        ]
