"""A real team of two people and two clones, in one week of March 2026, the same to the last commit.

Everything that a report tells of happened here: branches, a squash, runs (one lost), results that
differ, promotions, deployments, reservations, use of GPUs, a budget that is breached.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.ledger import book
from mlws_scaffold.gpus.ledger.book import Segment, Subject
from mlws_scaffold.gpus.reservations import choosing, reading, tables
from mlws_scaffold.gpus.reservations.choosing import Entry
from mlws_scaffold.gpus.reservations.values import BOOKING, Actor, Gpu, Wish
from mlws_scaffold.team.snapshot.period import Period, standup
from mlws_scaffold.workspace.config import Workspace, load
from tests.support import mlflow_store
from tests.support.template_repo import write

ZONE = "Europe/Berlin"
# A Monday morning: the standup begins on Friday at midnight in Berlin.
NOW = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)

_CONFIG = f"""\
[workspace]
name = "small"
organisation = "Example"
[team.ann]
name = "Ann Example"
email = "ann@example.org"
github = "ann-gh"
role = "lead"
[team.bob]
name = "Bob Example"
email = "bob@example.org"
[tracking]
uri = "sqlite:///mlflow.db"
[gpus]
store = "sqlite:///gpus.db"
[[prices]]
gpu = "NVIDIA H200"
per_hour = 3.0
currency = "EUR"
valid_from = 2020-01-01
[budgets]
month = 20
ann = 100
[deploy]
target = "process"
[reports]
timezone = "{ZONE}"
"""
_REGISTRY = """\
models:
  base:
    source: ollama
    model_name: llama3.1:8b
    owners: [ann]
    status: production
    live:
      version: v1.0.0
      digest: sha256:{digest}
      since: 2026-03-07
  tuned:
    source: custom
    modelfile: modelfiles/tuned.Modelfile
    base_model: llama3.1:8b
    version: v0.2.0
    owners: [carol]
    status: staging
""".format(digest="a" * 64)
_PROMOTION = {
    "at": "2026-03-07T10:00:00Z",
    "actor": "ann",
    "model": "base",
    "action": "promote",
    "version": "v1.0.0",
    "from": "staging",
    "to": "production",
    "gates": [{"name": "tests", "result": "pass"}],
    "reason": "better on the hard questions",
}
_ADR = "# One repository\n\nStatus: accepted\n\nYes.\n"
_AGENT = "name: {name}\nowner: bob\nmodel: base\nslo: {{error_rate: 0.01}}\n"
_METADATA = """\
experiment_id: {key}
researcher: {who}
created: {created}
status: {status}
goal: {goal}
hypothesis: It does
mlflow_experiment: {key}
primary_metric: {{name: accuracy, goal: maximize, target: 0.85}}
"""


@dataclass(frozen=True, slots=True)
class Clone:
    """One person's clone."""

    root: Path
    name: str
    email: str

    def commit(self, when: str, message: str) -> None:
        """Commit everything as this person, at this time."""
        git = Git(
            self.root,
            (f"user.name={self.name}", f"user.email={self.email}"),
            (("GIT_COMMITTER_DATE", when), ("GIT_AUTHOR_DATE", when)),
        )
        git.run("add", "--all")
        git.run("commit", "--quiet", "--allow-empty", "-m", message)

    def git(self, *words: str) -> str:
        return Git(self.root).run(*words)

    def experiment(self, name: str, status: str, goal: str, more: str = "") -> None:
        """Write the metadata of an experiment of this person."""
        who = self.email.partition("@")[0]
        created = "2026-01-10" if name == "old-idea" else "2026-03-05"
        values = {"key": f"{name}-v1", "who": who, "created": created, "status": status}
        text = _METADATA.format(goal=goal, **values) + more
        write(self.root, {f"experiments/active/{who}/{name}/metadata.yaml": text})


def make(folder: Path) -> Workspace:
    """The workspace of Ann's clone, with all of the team's branches fetched."""
    git = Git(folder)
    git.run("init", "--quiet", "--bare", "-b", "main", "team.git")
    git.run("clone", "--quiet", str(folder / "team.git"), "ann")
    ann = Clone(folder / "ann", "Ann Example", "ann@example.org")
    ann.git("checkout", "--quiet", "-B", "main")
    _begin(ann)
    git.run("clone", "--quiet", str(folder / "team.git"), "bob")
    # Bob's laptop has another address, which the mailmap knows.
    bob = Clone(folder / "bob", "bob", "bob@laptop.example")
    _work(ann, Clone(bob.root, bob.name, "bob@example.org"), bob)
    ann.git("fetch", "--quiet", "origin")
    _tracked(mlflow_store.put(ann.root))
    place = load(ann.root, {})
    _gpus(place)
    return place


def period() -> Period:
    """The period of Monday's standup."""
    return standup(NOW, ZONE)


def _begin(ann: Clone) -> None:
    write(
        ann.root,
        {
            "mlws.toml": _CONFIG,
            ".gitignore": "*.db\n*.db-*\n",
            ".mailmap": "Bob Example <bob@example.org> <bob@laptop.example>\n",
            "models/registry.yaml": _REGISTRY,
            "agents/production/helper/agent.yaml": _AGENT.format(name="helper"),
            "agents/prototypes/scout/agent.yaml": _AGENT.format(name="scout"),
            "docs/adrs/2026-01-05-one-repository.md": _ADR,
        },
    )
    ann.experiment("old-idea", "in_progress", "Know whether old ideas are worth another look")
    ann.commit("2026-01-10T09:00:00+01:00", "Begin")
    ann.git("push", "--quiet", "origin", "main")


def _work(ann: Clone, bob: Clone, laptop: Clone) -> None:
    goal = "Know which chunk size answers medical questions best"
    ann.git("checkout", "--quiet", "-b", "experiment/ann/chunking")
    ann.experiment("chunking", "planned", goal)
    ann.commit("2026-03-05T10:00:00+01:00", "Plan chunking")
    filed = "results: {best_metric: 0.8, metric: accuracy, run_id: r0, commit: c}\n"
    more = "baseline: {metric: accuracy, value: 0.8}\ntags: [rag]\n" + filed
    ann.experiment("chunking", "in_progress", goal, more)
    ann.commit("2026-03-06T09:00:00+01:00", "Start chunking | with a bar")
    ann.git("push", "--quiet", "origin", "HEAD")

    bob.git("checkout", "--quiet", "-b", "experiment/bob/rerank")
    bob.experiment("rerank", "in_progress", f"{goal} of all")
    bob.commit("2026-03-06T11:00:00+01:00", "Start reranking")
    done = "conclusion: Reranking helps by a tenth\ndecision: adopt\nbaseline: chunking-v1\n"
    bob.experiment("rerank", "completed", f"{goal} of all", done)
    write(
        bob.root,
        {"docs/learnings/2026-03-08-warm-up.md": "# Warm up first\n\nCold caches lie.\n"},
    )
    laptop.commit("2026-03-08T12:00:00+01:00", "Conclude reranking")
    bob.git("push", "--quiet", "origin", "HEAD")

    bob.git("checkout", "--quiet", "-b", "feature/tools", "main")
    write(bob.root, {"shared/tools/one.py": "ONE = 1\n"})
    bob.commit("2026-03-06T13:00:00+01:00", "Add one tool")
    write(bob.root, {"shared/tools/two.py": "TWO = 2\n"})
    bob.commit("2026-03-06T14:00:00+01:00", "Add another tool")
    bob.git("push", "--quiet", "origin", "HEAD")

    ann.git("checkout", "--quiet", "main")
    write(ann.root, {"shared/tools/one.py": "ONE = 1\n", "shared/tools/two.py": "TWO = 2\n"})
    ann.commit("2026-03-06T16:00:00+01:00", "Add tools (#12)")
    write(ann.root, {"models/history.jsonl": json.dumps(_PROMOTION) + "\n"})
    lines = [
        _deployed("1", "07T12", "v1.1.0", "done"),
        _deployed("2", "08T12", "v1.2.0", "aborted"),
    ]
    write(ann.root, {"agents/production/helper/deployments.jsonl": "".join(lines)})
    ann.experiment("dead-end", "failed", "Know whether nothing at all is enough")
    ann.commit("2026-03-08T18:00:00+01:00", "Promote, deploy, give up")
    ann.git("push", "--quiet", "origin", "main")


def _deployed(key: str, when: str, version: str, result: str) -> str:
    record = {
        "id": key, "agent": "helper", "environment": "production", "action": "deploy",
        "at": f"2026-03-{when}:00:00Z", "seconds": 60.0, "by": "bob", "version": version,
        "from": "v1.0.0", "commit": "c" * 40, "digest": "", "model": "base", "model_digest": "",
        "gates": {}, "steps": [], "result": result,
        "reason": "" if result == "done" else "errors rose from 0.1 % to 7 %",
    }  # fmt: skip
    return json.dumps(record) + "\n"


def instant(text: str) -> float:
    """Seconds since 1970 of `07T12:30` in March 2026, UTC."""
    return datetime.fromisoformat(f"2026-03-{text}:00+00:00").timestamp()


def _tracked(store: Path) -> None:
    """Runs: two finished, one failed, one of Bob's that is lost, one long ago."""
    runs = [
        ("r1", "chunking-v1", "ann", "FINISHED", "06T10:00", "06T11:00", 0.82),
        ("r2", "chunking-v1", "ann", "FINISHED", "07T10:00", "07T12:00", 0.86),
        ("r3", "chunking-v1", "ann", "FAILED", "08T10:00", "08T10:05", None),
        ("r4", "rerank-v1", "bob", "FINISHED", "06T12:00", "06T13:00", 0.9),
        ("r5", "rerank-v1", "bob", "RUNNING", "08T20:00", "", None),
        ("r0", "chunking-v1", "ann", "FINISHED", "01T10:00", "01T11:00", 0.7),
    ]
    with closing(sqlite3.connect(store)) as database, database:
        for name in sorted({run[1] for run in runs}):
            database.execute(
                "insert into experiments (name, artifact_location, lifecycle_stage, workspace)"
                " values (?, 'file:///gone', 'active', 'default')",
                (name,),
            )
        for run in runs:
            _run(database, run)


def _run(database: sqlite3.Connection, run: Sequence[object]) -> None:
    key, experiment, who, status, start, end, value = run
    run_id = str(key) * 16
    ended = int(instant(str(end)) * 1000) if end else None
    database.execute(
        "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id,"
        " status, start_time, end_time, source_version, lifecycle_stage, artifact_uri,"
        " experiment_id) select ?, ?, 'UNKNOWN', '', '', ?, ?, ?, ?, '', 'active', '',"
        " experiment_id from experiments where name = ?",
        (run_id, key, who, status, int(instant(str(start)) * 1000), ended, experiment),
    )
    tags = {
        "mlws.experiment_id": experiment,
        "mlflow.user": who,
        "mlws.researcher": who,
        "mlws.host": "elsewhere",
        "mlws.heartbeat": datetime.fromtimestamp(instant(str(start)), UTC).isoformat(),
    }
    database.executemany(
        "insert into tags (key, value, run_uuid) values (?, ?, ?)",
        [(name, text, run_id) for name, text in tags.items()],
    )
    if value is not None:
        database.execute(
            "insert into latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
            " values ('accuracy', ?, 0, 0, 0, ?)",
            (value, run_id),
        )


def _gpus(place: Workspace) -> None:
    """Two GPUs of one host: what runs used, what Bob reserved and left idle, Ann's tomorrow."""
    gpus = [Gpu("node1", f"GPU-{index}", index, "NVIDIA H200", 10**9) for index in (0, 1)]
    with stores.open(place) as store:
        stores.migrate(store, tables.TABLES)
        reading.remember(store, gpus)
        for who, index, begins, ends, why in (
            ("bob", 1, "07T08:00", "07T20:00", "a sweep"),
            ("ann", 0, "09T12:00", "09T18:00", "the long run"),
        ):
            wish = Wish(int(instant(begins)), int(instant(ends)), (gpus[index],), purpose=why)
            actor = Actor(who, who, "node1")
            choosing.insert(store, Entry.of(actor, BOOKING, wish, (gpus[index],)))
        ledger = book.opened(store)
        for key, experiment, who, began, ended, state in (
            ("r1", "chunking-v1", "ann", "06T10:00", "06T11:00", "FINISHED"),
            ("r2", "chunking-v1", "ann", "07T10:00", "07T12:00", "FINISHED"),
            ("r4", "rerank-v1", "bob", "06T12:00", "06T17:00", "FINISHED"),
        ):
            run_id, start, stop = key * 16, instant(began), instant(ended)
            book.begin(ledger, Subject(run_id, experiment, who, "human", "local"), start)
            busy = (stop - start) / 2
            one = Segment(run_id, "GPU-0", "NVIDIA H200", "node1", "nvml", start, stop, busy, 3.6e6)
            book.add(ledger, [one])
            book.end(ledger, run_id, stop, state)
