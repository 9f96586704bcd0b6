"""The tutorial, executed: two people, two clones, one agent, from nothing to production and back.

After each chapter the test looks at what a person would look at.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlws_scaffold.adapters.daemons import Daemon
from tests.support.canary_lab.house import free_ports, needed
from tests.support.fake_ollama.fake import FakeOllama, running
from tests.support.installation import ROOT, run, tagged_clone
from tests.support.tutorial import Session, chapters

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]

KEY = "handbook-assistant"
AGENT = "agents/production/handbook"
EXPERIMENT = "experiments/active/sarah/passages"


class Story:
    """What lies there at a moment of the story."""

    def __init__(self, session: Session, fake: FakeOllama) -> None:
        self.session, self.fake = session, fake
        self.home = session.folder
        self.said = ""

    def read(self, path: str) -> str:
        return (self.home / path).read_text()

    def git(self, who: str, *words: str) -> str:
        return run(["git", *words], self.home / who).output.strip()

    def records(self) -> list[tuple[str, str, str, str]]:
        lines = self.read(f"mike/{AGENT}/deployments.jsonl").splitlines()
        found = [json.loads(line) for line in lines]
        names = ("environment", "action", "version", "result")
        return [tuple(str(one[name]) for name in names) for one in found]  # type: ignore[misc]

    def ready(self) -> bool:
        """What the agent says at its users' address."""
        port = self.session.extra["PRODUCTION_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
            return int(answer.status) == 200


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    needed()
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: apt install curl")
    home = tmp_path / "story"
    home.mkdir()
    (home / "mlws-scaffold").mkdir()
    tagged_clone(home / "mlws-scaffold")
    state = tmp_path / "state"
    staging, production = map(str, free_ports(2))
    with running(FakeOllama(offered=["llama3.1:8b"])) as fake:
        extra = {
            "OLLAMA_HOST": fake.url,
            "MLWS_MODELS_HOST": fake.url,
            "XDG_STATE_HOME": str(state),
            "STAGING_PORT": staging,
            "PRODUCTION_PORT": production,
        }
        try:
            yield Story(Session(home, extra), fake)
        finally:
            for lock in state.glob("mlws/workspaces/*/deploy/*/*/*/lock"):
                Daemon(lock.parent).stop(0.2)


def _workspace(story: Story) -> None:
    people = [line.split()[0] for line in story.said.splitlines() if "@acme.example" in line]
    assert people == ["sarah", "mike"]
    assert "origin/develop" in story.git("mike", "branch", "--remotes")
    assert (story.home / "sarah/docs/memory/people/mike.md").is_file()
    assert story.git("mike", "log", "-1", "--format=%an") == "Sarah"


def _experiment(story: Story) -> None:
    assert story.git("sarah", "branch", "--show-current") == "experiment/sarah/passages"
    assert "status: in_progress" in story.read(f"sarah/{EXPERIMENT}/metadata.yaml")
    assert "FINISHED after" in story.said


def _results(story: Story) -> None:
    assert "4 of 4 runs are there" in story.said
    assert story.said.count("FINISHED after") == 3
    metadata = story.read(f"sarah/{EXPERIMENT}/metadata.yaml")
    assert "status: completed" in metadata
    assert "decision: adopt" in metadata
    summary = story.read(f"sarah/{EXPERIMENT}/results/summary.md")
    assert "mlws:fill" not in summary
    [learning] = (story.home / "sarah/docs/learnings").glob("2*.md")
    assert "Best: mrr " in learning.read_text()
    assert "mlws:fill" not in learning.read_text()
    assert learning.name in story.read("sarah/docs/learnings/README.md")
    [decision] = (story.home / "sarah/docs/adrs").glob("2*.md")
    assert decision.name in story.read("sarah/docs/adrs/README.md")
    assert "- passages (sarah, completed, adopt, mrr " in story.read(
        "sarah/docs/memory/progress.md"
    )


def _handed_over(story: Story) -> None:
    kinds = {line.split()[1] for line in story.said.splitlines() if "origin/experiment/" in line}
    assert {"experiment", "learning", "adr"} <= kinds
    assert json.loads(story.read("reproduced.json"))["verdict"] == "equal"
    page = story.read(f"mike/{EXPERIMENT}/HANDOFF.md")
    assert "Accepted by mike on " in page
    assert "Reproduced by run `" in page
    assert "owner: mike" in story.read(f"mike/{EXPERIMENT}/metadata.yaml")
    authors = story.git("mike", "log", "--format=%an", "-4", "develop").split()
    assert {"Sarah", "Mike"} == set(authors)


def _prototype(story: Story) -> None:
    assert " passed" in story.said
    declared = story.read("mike/agents/prototypes/handbook/agent.yaml")
    assert f"path: {EXPERIMENT}" in declared
    assert "mrr: 0." in declared
    assert "laboratory is open" in story.read(
        "mike/agents/prototypes/handbook/prompts/knowledge/handbook.md"
    )


def _model(story: Story) -> None:
    lines = story.read("mike/models/history.jsonl").splitlines()
    moves = [(one["from"], one["to"]) for one in map(json.loads, lines)]
    assert moves == [
        ("development", "testing"), ("testing", "staging"), ("staging", "production")
    ]  # fmt: skip
    assert f"{KEY}:production" in story.fake.models
    assert "4 of 4 cases hold" in story.said
    assert "mlws:fill" not in story.read(f"mike/models/cards/{KEY}.md")


def _agent(story: Story) -> None:
    assert "handbook: 8 of 8 steps passed" in story.said
    assert story.git("mike", "branch", "--show-current") == "feature/handbook-production"
    assert story.git("mike", "status", "--short") == ""
    carried = story.read("mike/agents/prototypes/handbook/agent.py")
    assert story.read(f"mike/{AGENT}/src/agent/agent.py") == carried


def _checked(story: Story) -> None:
    assert "handbook" in story.said
    assert (
        story.git("mike", "rev-parse", "develop")
        == story.git("mike", "ls-remote", "origin", "refs/heads/develop").partition("\t")[0]
    )


def _deployed(story: Story) -> None:
    answer = json.loads(story.read("answer.json"))
    assert "When is the laboratory open?" in answer["choices"][0]["message"]["content"]
    assert answer["system_fingerprint"].startswith("0.1.0-")
    assert "50 % of the requests go to 0.2.0" in story.said
    assert story.records() == [
        ("staging", "deploy", "0.1.0", "done"),
        ("production", "deploy", "0.1.0", "done"),
        ("production", "deploy", "0.2.0", "done"),
    ]
    load = json.loads(story.read("load-good.json"))
    assert set(load["statuses"]) == {"200"}
    assert story.ready()


def _back(story: Story) -> None:
    assert "taken back, 0.2.0 serves production as before" in story.said
    assert "answers began later than" in story.said
    assert story.records()[3:] == [
        ("production", "deploy", "0.3.0", "aborted"),
        ("production", "rollback", "0.1.0", "done"),
    ]
    load = json.loads(story.read("load-bad.json"))
    # Nobody got an error; while the slow one had its share, some were asked to come again.
    assert set(load["statuses"]) <= {"200", "429"}
    table = [line.split() for line in story.said.splitlines() if line.startswith("handbook  ")]
    assert ["stable", "0.1.0", "100", "ready"] in [row[2:6] for row in table]
    assert story.ready()


def _seen(story: Story) -> None:
    lines = story.said.splitlines()
    assert any("passages (mike) concluded: completed, adopt, mrr " in line for line in lines)
    assert any("handbook 0.3.0 to production: deploy aborted by mike" in line for line in lines)
    assert any("handbook 0.1.0 to production: rollback done by mike" in line for line in lines)
    weekly = story.read("weekly.md")
    assert "1 new, 1 completed, 0 failed" in weekly
    assert "The search forgets where it started (sarah)" in weekly
    page = story.read("dashboard.html")
    assert "default-src 'none'" in page or "default-src &#39;none&#39;" in page
    for name in ("passages", KEY, "The search forgets where it started", "0.3.0"):
        assert name in page, name


LOOKS: dict[str, Callable[[Story], None]] = {
    "Week 1: a workspace for two": _workspace,
    "Week 1: Sarah's experiment": _experiment,
    "Week 2: a sweep, and what came of it": _results,
    "Week 2: Mike finds it, and takes it over": _handed_over,
    "Week 3: a prototype": _prototype,
    "Week 3: its model, through the gates": _model,
    "Week 3: a production agent": _agent,
    "Week 4: what the pull request is asked": _checked,
    "Week 4: to the users": _deployed,
    "Week 4: a bad version, and the way back": _back,
    "Week 5: what everybody sees": _seen,
}


def test_the_whole_story_as_the_tutorial_tells_it(
    story: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    told = chapters(ROOT / "docs/tutorial.md")
    assert [one.title for one in told] == list(LOOKS)
    for chapter in told:
        story.said = story.session.play(chapter)
        LOOKS[chapter.title](story)
        with capsys.disabled():
            print(f"\n{story.session.seconds[chapter.title]:6.1f} s  {chapter.title}", end="")
