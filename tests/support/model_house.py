"""A small workspace in git with one custom model, its cases, and an Ollama server that holds it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.git import Git
from mlws_scaffold.models import modelfile, registry
from mlws_scaffold.models.lifecycle import promote, rollback
from mlws_scaffold.models.lifecycle.rollback import Return
from mlws_scaffold.models.lifecycle.stages import Outcome, Request, Serve, Tools
from mlws_scaffold.models.sync import lockfile
from mlws_scaffold.models.sync.lockfile import Locked
from mlws_scaffold.workspace import config
from mlws_scaffold.workspace.layout import Layout
from tests.support.fake_ollama import FakeOllama, Turn, running

KEY = "assistant"
CONFIG = """\
[workspace]
name = "tiny"
[team.ann]
email = "researcher@example.org"
[models]
min_cases = 2
"""
REGISTRY = """\
# All models of the team.
models:
  assistant:  # ours
    source: custom
    base_model: m:1
    modelfile: modelfiles/assistant.Modelfile
    version: v1
    purpose: Answers from passages
    owners: [ann]
"""
CASES = """\
cases:
- name: says pong
  prompt: ping
  expect: {contains: pong}
- name: names its source
  prompt: who says so
  runs: 3
  passes: 2
  expect: {contains: "[1]"}
"""


def answer(turn: Turn) -> str:
    """What the model says: it names its source for two of three seeds."""
    if turn.prompt == "ping":
        return "pong"
    return "the paper" if turn.options["seed"] == 2 else "the paper [1]"


@dataclass(frozen=True)
class Prompts:
    sha256: str = "p"


@dataclass(frozen=True)
class Measured:
    """A benchmark's report, as far as gates read it."""

    version: str
    digest: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    host: str = "gpu1"
    prompts: Prompts = Prompts()
    concurrency: int = 1
    latency_p50: float | None = 0.5
    latency_p95: float | None = 1.0
    tokens_per_second: float | None = 40.0


@dataclass
class House:
    """The workspace and its server. `reports` are benchmarks by version, `agents` those in use."""

    root: Path
    url: str
    reports: dict[str, Measured] = field(default_factory=dict)
    agents: list[str] = field(default_factory=list)
    serve: Serve | None = None
    server: FakeOllama | None = None
    key: str = KEY

    @property
    def fake(self) -> FakeOllama:
        assert self.server is not None
        return self.server

    @property
    def layout(self) -> Layout:
        return Layout(self.root)

    @property
    def place(self) -> config.Workspace:
        return config.load(self.root, {})

    @property
    def model(self) -> registry.Model:
        return registry.load(self.layout).models[self.key]

    @property
    def environment(self) -> dict[str, str]:
        return {"OLLAMA_HOST": self.url}

    def tools(self) -> Tools:
        return Tools(
            agents=self._agents,
            benchmark=lambda _layout, _key, version: self.reports.get(version),
            serve=self.serve,
        )

    def _agents(self, _key: str) -> Sequence[str]:
        return self.agents

    def write(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def version(self, version: str, temperature: float) -> None:
        """Write a version into the registry and the Modelfile, and build it on the server."""
        self.write(
            f"modelfiles/{self.key}.Modelfile",
            f"FROM m:1\nSYSTEM Answer from the passages.\nPARAMETER temperature {temperature}\n",
        )
        registry.update(self.layout, self.key, {"version": version, "status": "development"})
        self.build()

    def build(self, host: str = "") -> str:
        """Build the model as the Modelfile says; its digest."""
        recipe = modelfile.build(self.layout, Path(f"modelfiles/{self.key}.Modelfile"))
        for _ in ollama.create(host or self.url, self.key, recipe.body):
            pass
        return self.digest()

    def digest(self, name: str = "") -> str:
        name = name or self.model.name_in_ollama(self.key)
        return ollama.installed(self.url).get(ollama.full_name(name), "")

    def forget(self, name: str) -> None:
        ollama.delete(self.url, name)

    def measure(self, **values: Any) -> None:
        """A benchmark of the present version."""
        version = str(self.model.version)
        self.reports[version] = Measured(version, f"sha256:{self.digest()}", **values)

    def lock(self) -> None:
        """What an accepted sync writes."""
        locked = Locked(
            name=self.model.name_in_ollama(self.key),
            digest=f"sha256:{self.digest()}",
            at=datetime.now(UTC),
        )
        lockfile.write(self.layout, {self.key: locked})

    def fill_card(self) -> None:
        """What people do: answer every question of the card."""
        path = self.root / f"models/cards/{self.key}.md"
        lines = path.read_text().splitlines()
        filled = [
            line.partition("  #")[0] + (" mit" if "license" in line else " [en]")
            if line.startswith(("license:", "language:")) and "mlws:fill" in line
            else "Written by a person."
            if "mlws:fill" in line
            else line
            for line in lines
        ]
        path.write_text("\n".join(filled) + "\n")

    def commit(self) -> None:
        git = Git(self.root)
        git.run("add", "--all")
        git.run("commit", "--quiet", "--allow-empty", "--message", "work")

    def promote(self, to: str, **values: Any) -> Outcome:
        request = Request(self.place, self.environment, self.key, to, **values)
        return promote.promote(request, self.tools())

    def rollback(self, version: str = "", **values: Any) -> Outcome:
        return rollback.rollback(Return(self.place, self.environment, self.key, version, **values))

    def refused(self, to: str, gate: str) -> str:
        """The output of the one gate that stopped a move, after which everything is as before."""
        before = self.seen()
        outcome = self.promote(to)
        assert [one.name for one in outcome.gates if not one.ok] == [gate]
        assert (outcome.ok, outcome.error) == (False, None)
        assert self.seen() == before
        return "\n".join(next(one for one in outcome.gates if one.name == gate).output)

    def to_staging(self) -> None:
        """The present version, through its first two gates."""
        for status in ("testing", "staging"):
            self.measure()
            outcome = self.promote(status)
            assert outcome.ok, outcome

    def to_production(self) -> Outcome:
        """The present version, all the way."""
        self.to_staging()
        self.ready()
        outcome = self.promote("production", reason=f"because of {self.model.version}")
        assert outcome.ok, outcome
        self.commit()
        return outcome

    def ready(self) -> None:
        """What people do between staging and production."""
        self.fill_card()
        self.lock()
        self.commit()

    def seen(self) -> tuple[bytes, str, dict[str, str], str]:
        """All that a move changes: registry, history, names on the server, the card."""
        card = self.root / f"models/cards/{self.key}.md"
        text = card.read_text() if card.exists() else ""
        return (*self.seen_here(), ollama.installed(self.url), text)

    def seen_here(self) -> tuple[bytes, str]:
        """Registry and history."""
        history = self.root / "models/history.jsonl"
        return (
            (self.root / "models/registry.yaml").read_bytes(),
            history.read_text() if history.exists() else "",
        )


def make(root: Path, fake: FakeOllama) -> House:
    """Write the workspace below `root` and build its model on the running server."""
    house = House(root, fake.url, server=fake)
    house.write("mlws.toml", CONFIG)
    house.write("models/registry.yaml", REGISTRY)
    house.write(f"models/tests/{KEY}.yaml", CASES)
    root.mkdir(exist_ok=True)
    Git(root).run("init", "--quiet")
    fake.add("m:1")
    fake.script = answer
    house.version("v1", 0.3)
    house.commit()
    return house


@contextlib.contextmanager
def housed(root: Path) -> Iterator[House]:
    """The same with a server of its own."""
    with running(FakeOllama()) as fake:
        yield make(root, fake)
