"""Naming an experiment: by folder, by researcher and name, by id, or by standing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.errors import InvalidFile, UsageError
from mlws_scaffold.experiments import find
from mlws_scaffold.workspace.config import Workspace
from tests.support.template_repo import write
from tests.unit.experiments.building import experiment, metadata, workspace


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    place = workspace(tmp_path / "ws")
    experiment(place)
    experiment(place, "rerank")
    return place


@pytest.mark.parametrize(
    "text",
    [
        "chunking-v1",
        "chunking",
        "ann/chunking",
        "experiments/active/ann/chunking",
        "experiments/active/ann/chunking/metadata.yaml",
        "experiments/archive/ann/chunking",  # it is not archived: the other half is looked at
    ],
)
def test_each_way_of_naming_finds_it(place: Workspace, text: str) -> None:
    found = find.experiment(place, text, place.root)
    assert found.folder == place.root / "experiments/active/ann/chunking"
    assert found.metadata.experiment_id == "chunking-v1"


def test_inside_of_it_no_name_is_needed(place: Workspace) -> None:
    folder = place.root / "experiments/active/ann/rerank/results"
    assert find.experiment(place, "", folder).metadata.experiment_id == "rerank-v1"
    assert find.experiment(place, ".", folder).metadata.experiment_id == "rerank-v1"
    assert find.experiment(place, "../chunking", folder.parent).folder.name == "chunking"
    with pytest.raises(UsageError, match="lies in none"):
        find.experiment(place, "", place.root)


def test_a_near_miss_is_answered_with_the_nearest(place: Workspace) -> None:
    with pytest.raises(UsageError) as caught:
        find.experiment(place, "chunkin-v1", place.root)
    assert caught.value.cure == "did you mean 'chunking-v1'?"
    with pytest.raises(UsageError) as caught:
        find.experiment(place, "ann/chunkng", place.root)
    assert caught.value.cure == "did you mean 'ann/chunking'?"


def test_an_id_that_two_have_is_refused(place: Workspace) -> None:
    write(place.root, {"experiments/active/mike/twin/metadata.yaml": metadata("chunking")})
    with pytest.raises(UsageError, match=r"more than one experiment: .*ann/chunking.*mike/twin"):
        find.experiment(place, "chunking-v1", place.root)


def test_broken_metadata_is_said_when_its_folder_is_named(place: Workspace) -> None:
    write(place.root, {"experiments/active/ann/rerank/metadata.yaml": "status: ["})
    with pytest.raises(InvalidFile, match=r"experiments/active/ann/rerank/metadata.yaml:2"):
        find.experiment(place, "ann/rerank", place.root)
    assert find.experiment(place, "chunking-v1", place.root).folder.name == "chunking"


@pytest.mark.parametrize(
    "text", ["../../etc", "/etc", "ann", "experiments/active", "\0", "a/../.."]
)
def test_nothing_outside_is_an_experiment(place: Workspace, text: str) -> None:
    with pytest.raises(UsageError):
        find.experiment(place, text, place.root)


def test_a_link_that_leads_out_is_no_experiment(place: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside, {"metadata.yaml": metadata("secret")})
    (place.root / "experiments/active/ann/linked").symlink_to(outside)
    with pytest.raises(UsageError):
        find.experiment(place, "ann/linked", place.root)
    (place.root / "experiments/active/ann/half").mkdir()
    (place.root / "experiments/active/ann/half/metadata.yaml").symlink_to(outside / "metadata.yaml")
    with pytest.raises(InvalidFile, match="leads elsewhere"):
        find.experiment(place, "ann/half", place.root)
