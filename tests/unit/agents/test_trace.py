"""The chain from an agent to the run and its data, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.agents import catalog, trace
from mlws_scaffold.agents.trace import Link, ModelFacts, RunFacts, Sources
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import tiny_workspace
from tests.support.template_repo import commit, write

EXPERIMENT = "experiments/active/ann/chunking"
PROTOTYPE, PRODUCTION = "agents/prototypes/helper", "agents/production/helper"
RUN = RunFacts(
    "r1", "chunking-v1", EXPERIMENT, "c" * 40, "ann", {"accuracy": 0.9}, {"medqa": "a" * 64}
)
SOURCES = Sources(
    lambda key: ModelFacts("production", "v2", "sha256:1") if key == "base" else "not registered",
    lambda text: RUN if text == "r1" else f"no run {text!r}",
)


def _agent(origin: str) -> str:
    return f"name: helper\nowner: ann\nmodel: base\npromoted_from: {origin}\n"


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    """A workspace in a folder of a larger repository; the prototype's folder is gone by now."""
    root = tiny_workspace.make(tmp_path / "repository/ws")
    git = Git(tmp_path / "repository")
    git.run("init", "--quiet")
    write(root, {f"{EXPERIMENT}/src/exp/a.py": "A = 1\n"})
    commit(git.folder, "Experiment")
    first = git.commit_of("HEAD")
    origin = f"{{path: {EXPERIMENT}, commit: {first}, run_id: r1, metrics: {{accuracy: 0.9}}}}"
    write(root, {f"{PROTOTYPE}/agent.yaml": _agent(origin)})
    commit(git.folder, "Prototype")
    origin = f"{{path: {PROTOTYPE}, commit: {git.commit_of('HEAD')}}}"
    write(root, {f"{PRODUCTION}/agent.yaml": _agent(origin)})
    commit(git.folder, "Production")
    return load(root)


def _names(chain: list[Link]) -> list[tuple[str, str]]:
    return [(link.kind, link.name) for link in chain]


def test_an_agent_leads_back_to_run_commit_and_data(place: Workspace) -> None:
    write(place.root, {f"{PROTOTYPE}/agent.yaml": None})
    chain = trace.of_agent(place, catalog.find(place.layout, "helper"), SOURCES)
    assert _names(chain) == [
        ("agent", PRODUCTION), ("model", "base"), ("prototype", PROTOTYPE),
        ("experiment", EXPERIMENT), ("run", "r1"), ("commit", "c" * 40), ("data", "medqa"),
    ]  # fmt: skip
    assert not [link for link in chain if link.missing]
    assert chain[1].facts["digest"] == "sha256:1"
    assert chain[-1].facts == {"sha256": "a" * 64}


def test_a_run_leads_on_to_prototype_and_agent(place: Workspace) -> None:
    chain = trace.of_run(place, RUN, SOURCES)
    assert _names(chain) == [
        ("run", "r1"), ("commit", "c" * 40), ("data", "medqa"), ("experiment", EXPERIMENT),
        ("prototype", PROTOTYPE), ("model", "base"), ("agent", PRODUCTION), ("model", "base"),
    ]  # fmt: skip


def test_another_run_of_the_same_experiment_leads_to_no_agent(place: Workspace) -> None:
    other = RunFacts("r2", "chunking-v1", EXPERIMENT, "", "ann", {}, {})
    chain = trace.of_run(place, other, SOURCES)
    assert [kind for kind, _ in _names(chain)] == ["run", "commit", "experiment"]


def test_a_broken_chain_says_where_and_why(place: Workspace) -> None:
    gone = f'{{path: {PROTOTYPE}, commit: "{"0" * 40}", run_id: r9}}'
    text = _agent(gone).replace("base", "other")
    write(place.root, {f"{PRODUCTION}/agent.yaml": text})
    chain = trace.of_agent(place, catalog.find(place.layout, "helper"), SOURCES)
    missing = {link.kind: link.missing for link in chain if link.missing}
    assert missing["model"] == "not registered"
    assert missing["prototype"].startswith("commit 000000000000 is not here")
    assert missing["run"] == "no run 'r9'"
