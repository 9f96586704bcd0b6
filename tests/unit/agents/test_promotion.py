"""Promotion: what stands against it, what goes along byte for byte, what is remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.promote import carrying
from mlws_scaffold.agents.promote.judging import Standing
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.scaffold import promotion
from mlws_scaffold.scaffold.create import Project
from mlws_scaffold.scaffold.promotion import Evidence
from mlws_scaffold.scaffold.render import Answers
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import tiny_workspace
from tests.support.rendering import render
from tests.support.template_repo import commit, write

TEAM = '[team.ann]\nname = "Ann"\nemail = "researcher@example.org"\n'
PROTOTYPE = "agents/prototypes/helper"
EXPERIMENT = "experiments/active/ann/chunking"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    root = tiny_workspace.make(tmp_path / "ws", config=TEAM)
    answers = {"prototype_name": "helper", "prototype_owner": "ann", "prototype_model": "base"}
    render("prototype", answers, root / PROTOTYPE)
    write(
        root,
        {
            f"{PROTOTYPE}/src/exp_chunking/cut.py": b"SIZE = 3\r\n",
            f"{PROTOTYPE}/prompts/tone.md": "Be kind.\n",
            f"{EXPERIMENT}/src/exp_chunking/cut.py": "SIZE = 3\n",
            f"{EXPERIMENT}/src/exp_chunking/__pycache__/cut.cpython-311.pyc": b"\0",
            f"{EXPERIMENT}/train.py": "print(1)\n",
        },
    )
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    return load(root)


def _baseline(place: Workspace) -> None:
    """What `mlws agent eval --record` leaves, of the present commit."""
    head = Git(place.root).commit_of("HEAD")
    write(place.root, {f"{PROTOTYPE}/baseline.json": json.dumps({"commit": head})})
    commit(place.root, "Record a baseline")


def _ready(key: str) -> Standing | None:
    return Standing("staging", live=False) if key == "base" else None


def test_everything_is_carried_byte_for_byte_and_the_origin_is_remembered(
    place: Workspace,
) -> None:
    _baseline(place)
    head = Git(place.root).commit_of("HEAD")
    found, plan = promotion.from_prototype(place, "helper", _ready)
    wish = Project("agent", "helper", Answers({"agent_model": "base"}), "ann", branch=True)
    assert plan.packages == ("exp_chunking",)
    made = promotion.make(place, wish, plan)
    source = place.root / PROTOTYPE
    for name, target in {
        "agent.py": "src/agent/agent.py",
        "config.yaml": "config.yaml",
        "prompts/system.md": "prompts/system.md",
        "prompts/tone.md": "prompts/tone.md",
        "src/exp_chunking/cut.py": "src/exp_chunking/cut.py",
        "test_agent.py": "tests/wire/test_agent.py",
        "baseline.json": "tests/behaviour/baseline.json",
    }.items():
        assert (made.folder / target).read_bytes() == (source / name).read_bytes()
    assert (made.folder / "src/agent/server.py").is_file()
    agent = catalog.load(made.folder)
    assert agent.promoted_from is not None
    assert (agent.promoted_from.path, agent.promoted_from.commit) == (PROTOTYPE, head)
    assert found.agent.name == "helper"
    assert Git(place.root).branch() == "feature/helper-production"
    assert "# a key of models/registry.yaml" in (made.folder / "agent.yaml").read_text()


def test_every_refusal_is_named_with_its_cure(place: Workspace) -> None:
    text = (place.root / PROTOTYPE / "agent.yaml").read_text().replace("ann", "zoe")
    write(
        place.root,
        {
            f"{PROTOTYPE}/agent.yaml": text,
            f"{PROTOTYPE}/test_agent.py": "# later\n",
        },
    )
    with pytest.raises(MlwsError) as caught:
        promotion.from_prototype(place, PROTOTYPE, lambda _: Standing("testing", live=False))
    said = caught.value.message
    assert "for 5 reasons" in said
    for reason, cure in {
        "has uncommitted changes": "commit them",
        "its owner 'zoe' is not in [team]": "add [team.zoe] to mlws.toml",
        "it has no tests": "what must stay true",
        "it has no baseline evaluation": "mlws agent eval helper --record",
        "its model 'base' is in testing": "mlws model promote base",
    }.items():
        assert reason in said
        assert cure in said
    assert not (place.root / "agents/production").exists()


def test_an_agent_changed_since_its_baseline_is_refused(place: Workspace) -> None:
    _baseline(place)
    write(place.root, {f"{PROTOTYPE}/prompts/tone.md": "Be brief.\n"})
    commit(place.root, "Change the tone")
    with pytest.raises(MlwsError, match="changed since its baseline"):
        promotion.from_prototype(place, "helper", _ready)


def test_a_model_that_is_live_is_good_enough_whatever_is_being_tried(place: Workspace) -> None:
    _baseline(place)
    promotion.from_prototype(place, "helper", lambda _: Standing("development", live=True))
    with pytest.raises(MlwsError, match="is not in models/registry"):
        promotion.from_prototype(place, "helper", lambda _: None)


def test_a_name_that_is_taken_leaves_everything_as_it_was(place: Workspace) -> None:
    _baseline(place)
    write(place.root, {"agents/production/helper/README.md": "mine\n"})
    commit(place.root, "Another one")
    _, plan = promotion.from_prototype(place, PROTOTYPE, _ready)
    with pytest.raises(UsageError, match="exists already"):
        promotion.make(place, Project("agent", "helper", Answers(), "ann"), plan)
    assert Git(place.root).branch() == "main"
    assert Git(place.root).changed() == []


def test_a_prototype_takes_the_package_of_an_experiment_and_its_evidence(
    place: Workspace,
) -> None:
    evidence = Evidence("r1", {"accuracy": 0.9})
    plan = promotion.from_experiment(place, place.root / EXPERIMENT, evidence)
    wish = Project("prototype", "cutter", Answers(), "ann", branch=False)
    made = promotion.make(place, wish, plan)
    inside = sorted(path.name for path in (made.folder / "src").rglob("*") if path.is_file())
    assert inside == ["cut.py"]
    origin = catalog.load(made.folder).promoted_from
    assert origin is not None
    assert (origin.path, origin.run_id, dict(origin.metrics)) == (
        EXPERIMENT, "r1", {"accuracy": 0.9},
    )  # fmt: skip
    assert origin.commit == Git(place.root).commit_of("HEAD")


def test_an_experiment_without_a_package_or_with_changes_is_refused(place: Workspace) -> None:
    write(place.root, {f"{EXPERIMENT}/src/exp_chunking/cut.py": None})
    with pytest.raises(MlwsError) as caught:
        promotion.from_experiment(place, place.root / EXPERIMENT, Evidence())
    assert "uncommitted changes" in caught.value.message
    assert "no package below src/" in caught.value.message


def test_a_link_is_not_followed_out_of_the_prototype(place: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    (place.root / PROTOTYPE / "prompts/leak.md").symlink_to(tmp_path / "secret")
    with pytest.raises(MlwsError, match=r"prompts/leak.md is a link"):
        carrying.from_prototype(place.root / PROTOTYPE)


def test_what_stays_behind_is_named(place: Workspace) -> None:
    write(place.root, {f"{PROTOTYPE}/notebook.ipynb": "{}", f"{PROTOTYPE}/notes/a.md": "a"})
    assert carrying.left_behind(place.root / PROTOTYPE) == ["notebook.ipynb", "notes"]
