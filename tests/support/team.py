"""A real team of any size: people, experiments on branches, runs, models, agents, GPUs, knowledge.

Everything is what the commands read: git objects, files, MLflow's tables, the store of GPUs. The
same size, seed and moment give the same team.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mlws_scaffold.workspace.config import Workspace, load
from tests.support import team_stores
from tests.support.team_stores import RunsOf

# A Tuesday.
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
NAMES = ("ann", "bob", "chandra", "dana", "emeka", "fatima", "goran", "hana")
STATES = ("planned", "in_progress", "in_progress", "completed", "completed", "failed", "blocked")
WORDS = (
    "chunk size", "reranker", "dense retrieval", "sparse retrieval", "learning rate", "dropout",
    "legal texts", "medical questions", "prompt order", "context length", "warm-up", "adapters",
    "quantisation", "distillation", "hard negatives", "temperature", "curriculum", "deduplication",
)  # fmt: skip
GOALS = (
    "Find out whether {topic} matters more than {other} for our questions",
    "Halve the cost of {topic} without touching {other}",
    "Explain the gap that {other} leaves on the held-out set, with {topic} fixed",
    "Choose {topic} by a sweep; {other} stays as in the baseline",
    "Know how far {topic} carries before {other} becomes the limit",
)
TAGS = ("rag", "medical", "legal", "baseline", "sweep", "training", "prompting", "small-model")
_CONFIG = """\
[workspace]
name = "ml-workspace"
organisation = "Example"
[tracking]
uri = "sqlite:///mlflow.db"
[gpus]
store = "sqlite:///gpus.db"
[[prices]]
gpu = "NVIDIA H200"
per_hour = 3.2
currency = "EUR"
valid_from = 2020-01-01
[budgets]
month = 900
bob = 150
"""
_STATUS = ("development", "testing", "staging", "production", "deprecated")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything. `tags` and `goals` are what hostile people would write, if given."""

    experiments: int = 60
    people: int = 6
    runs: int = 6
    models: int = 7
    agents: int = 3
    gpus: int = 4
    learnings: int = 8
    seed: int = 7
    goals: Sequence[str] = ()
    tags: Sequence[str] = ()


EMPTY = Size(0, 0, 0, 0, 0, 0, 0)
ALONE = Size(3, 1, 2, 1, 1, 1, 1)


@dataclass(slots=True)
class _Stream:
    """What `git fast-import` reads."""

    parts: list[bytes] = field(default_factory=list)

    def commit(self, branch: str, who: str, at: datetime, message: str, *, base: str = "") -> None:
        head = (
            f"commit refs/heads/{branch}\n"
            f"committer {who.title()} Example <{who}@example.org> {int(at.timestamp())} +0000\n"
            f"data {len(message.encode())}\n{message}\n"
        )
        self.parts.append(head.encode() + (f"from {base}\n".encode() if base else b""))

    def add(self, path: str, text: str) -> None:
        data = text.encode()
        self.parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(data), data))


def make(folder: Path, size: Size = Size(), now: datetime = NOW) -> Workspace:
    """The workspace, checked out on main; some of its experiments lie on branches only."""
    chance = random.Random(size.seed)
    people = [_person(number) for number in range(size.people)]
    stream = _Stream()
    who = people[0] if people else "nobody"
    stream.commit("main", who, now - timedelta(days=200), "Begin")
    for path, text in _house(people, size, chance, now):
        stream.add(path, text)
    runs = _experiments(stream, people, size, chance, now)
    folder.mkdir(parents=True, exist_ok=True)
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "fast-import", "--quiet"], input=b"".join(stream.parts), check=True)
    subprocess.run([*git, "checkout", "-q", "-f", "main"], check=True)
    place = load(folder, {})
    team_stores.track(place, runs, now)
    team_stores.compute(place, people, runs, size.gpus, now)
    return place


def _person(number: int) -> str:
    return NAMES[number] if number < len(NAMES) else f"person{number:02d}"


def _house(
    people: list[str], size: Size, chance: random.Random, now: datetime
) -> Iterator[tuple[str, str]]:
    """Everything that is no experiment."""
    team = "".join(
        f'[team.{who}]\nname = "{who.title()} Example"\nemail = "{who}@example.org"\n'
        f'role = "{"lead" if who == people[0] else "researcher"}"\n'
        for who in people
    )
    yield "mlws.toml", _CONFIG + team
    yield ".gitignore", "*.db\n*.db-*\ndocs/experiment-dashboard.html\n"
    yield "docs/README.md", "# Notes of the team\n"
    entries, history = [], []
    for number in range(size.models):
        status, name = _STATUS[number % len(_STATUS)], f"assistant-{number}"
        live = status == "production"
        entries.append(
            f"  {name}:\n    source: {'custom' if number % 2 else 'ollama'}\n"
            f"    model_name: llama3.1:{8 + number}b\n    version: v1.{number}.0\n"
            f"    status: {status}\n    owners: [{people[number % len(people)]}]\n"
            f"    purpose: Answers questions of kind {number}\n"
            + (f"    live: {{version: v1.{number}.0, since: 2026-11-02}}\n" if live else "")
        )
        if status in _STATUS[1:4]:
            history.append(_move(name, f"v1.{number}.0", people, now - timedelta(days=20 - number)))
    yield "models/registry.yaml", "models:\n" + "".join(entries) if entries else "models: {}\n"
    if history:
        yield "models/history.jsonl", "".join(history)
    for number in range(size.agents):
        name = f"helper-{number}"
        owner = people[number % len(people)]
        agent = f"name: {name}\nowner: {owner}\nmodel: assistant-{number}\n"
        track = "prototypes" if number % 3 == 2 else "production"
        yield (
            f"agents/{track}/{name}/agent.yaml",
            agent + "slo: {latency_p95: 5s, error_rate: 0.01}\n",
        )
        if track == "production":
            lines = [_deployment(name, at, people, now) for at in range(4)]
            yield f"agents/{track}/{name}/deployments.jsonl", "".join(lines)
    for number in range(size.learnings):
        day, topic = now.date() - timedelta(days=5 * number), chance.choice(WORDS)
        text = (
            f"# What {topic} does to small batches\n\nExpected more of it; {topic} cost a week.\n"
        )
        yield f"docs/learnings/{day}-{topic.replace(' ', '-')}-{number}.md", text
        if number % 3 == 0:
            decision = f"# Use {topic} everywhere\n\nStatus: accepted\n\n## Context\n\nIt helps.\n"
            yield f"docs/adrs/{day}-{topic.replace(' ', '-')}.md", decision


def _move(name: str, version: str, people: list[str], at: datetime) -> str:
    record = {
        "at": at.isoformat(), "actor": people[0], "model": name, "action": "promote",
        "version": version, "from": "testing", "to": "staging",
        "gates": [{"name": "tests", "result": "pass"}, {"name": "benchmark", "result": "pass"}],
        "reason": "better on hard questions",
    }  # fmt: skip
    return json.dumps(record) + "\n"


def _deployment(name: str, number: int, people: list[str], now: datetime) -> str:
    good = number != 2
    record = {
        "id": f"{name}-{number}", "agent": name, "environment": "production", "action": "deploy",
        "at": (now - timedelta(days=12 - 3 * number)).isoformat(), "seconds": 300.0,
        "by": people[number % len(people)], "version": f"0.{number}.0", "from": f"0.{number - 1}.0",
        "commit": "c" * 40, "digest": "", "model": "assistant-0", "model_digest": "", "gates": {},
        "steps": [], "result": "done" if good else "aborted",
        "reason": "" if good else "errors rose from 0.1 % to 7 %",
    }  # fmt: skip
    return json.dumps(record) + "\n"


def _experiments(
    stream: _Stream, people: list[str], size: Size, chance: random.Random, now: datetime
) -> list[RunsOf]:
    """Commits on main and on branches; returns the runs that each experiment shall have."""
    found: list[RunsOf] = []
    base = "refs/heads/main"
    step = max(1, size.experiments // 400)
    branches: list[tuple[str, str, datetime, int, str]] = []
    for number in range(size.experiments):
        who = people[number % len(people)]
        age = timedelta(days=170 * (1 - (number + 1) / size.experiments), hours=number % 7)
        at = now - age
        state = chance.choice(STATES)
        key, text = _metadata(number, who, state, at, size, chance)
        folder = f"experiments/active/{who}/{key}"
        found.append(RunsOf(key, who, at, size.runs, number % 13 == 4, chance.random()))
        if number % 8 == 3:
            branches.append((folder, who, at, number, text))
            continue
        if number % step == 0:
            stream.commit("main", who, at, f"Work on {key} (#{number + 1})")
        _write(stream, folder, text, number)
    for folder, who, at, number, text in branches:
        name = folder.rpartition("/")[2]
        stream.commit(f"experiment/{who}/{name}", who, at, f"Try {name}", base=base)
        _write(stream, folder, text, number)
    return found


def _write(stream: _Stream, folder: str, text: str, number: int) -> None:
    stream.add(f"{folder}/metadata.yaml", text)
    config = f"seed: {number}\nmodel: {{size: {number % 5}, rate: 1e-{number % 4 + 2}}}\n"
    stream.add(f"{folder}/config.yaml", config)


def _metadata(
    number: int, who: str, state: str, at: datetime, size: Size, chance: random.Random
) -> tuple[str, str]:
    """The id, and the text of the file."""
    topic, other = chance.sample(WORDS, 2)
    key = f"{topic.replace(' ', '-')}-{number:05d}"
    goal = chance.choice(GOALS).format(topic=topic, other=other)
    if size.goals:
        goal = size.goals[number % len(size.goals)]
    tags = [*chance.sample(TAGS, 2), *size.tags]
    minimize = number % 5 == 0
    fields: dict[str, object] = {
        "experiment_id": key, "researcher": who, "created": f"{at:%Y-%m-%d}", "status": state,
        "goal": goal, "hypothesis": f"{topic.capitalize()} helps, because {other} hides the rest",
        "tags": tags, "mlflow_experiment": key, "owner": who,
        "primary_metric": {
            "name": "loss" if minimize else "accuracy",
            "goal": "minimize" if minimize else "maximize",
            "target": 0.3 if minimize else 0.85,
        },
    }  # fmt: skip
    if number % 3:
        fields["baseline"] = {"metric": "loss" if minimize else "accuracy", "value": 0.6}
    if state in ("completed", "failed") and number % 4:
        fields["conclusion"] = f"{topic.capitalize()} moved the metric by less than we hoped"
        fields["decision"] = chance.choice(["adopt", "iterate", "drop"])
    if number % 9 == 0:
        fields["links"] = {"pr": f"https://github.com/example/ml/pull/{number + 1}"}
        fields["budget"] = {"gpu_hours": 4}
    return key, json.dumps(fields, ensure_ascii=False, indent=1) + "\n"
