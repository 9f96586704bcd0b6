"""A rendered workspace with three agents and an experiment, pushed to what stands for GitHub."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from mlws_scaffold.adapters.daemons import Daemon
from tests.support.fake_ollama.fake import FakeOllama, running
from tests.support.installation import TAG, UV, run
from tests.support.rendering import render
from tests.support.workflow_runner import stubs
from tests.support.workflow_runner.records import Event, Ran
from tests.support.workflow_runner.runner import Runner

AGENTS = ("helper", "planner", "reader")
EXPERIMENT = "experiments/active/researcher/first-try"
MODEL, KEY = "llama3.1:8b", "llama3.1-8b"
CASES = """\
cases:
  - id: says-something
    ask: What can you help me with?
    expect:
      regex: '\\w'
"""
DEPLOY = """\
[deploy]
target = "process"
registry = "registry.example.org/acme"
stage_limit_seconds = 60
[deploy.staging]
runner = "gpu1"
port = {staging}
[deploy.production]
runner = "gpu2"
port = {production}
"""


@dataclass(slots=True)
class House:
    """The workspace, and GitHub as a bare repository beside it."""

    root: Path
    runner: Runner
    production_port: int

    @property
    def workflows(self) -> list[Path]:
        return sorted((self.root / ".github/workflows").glob("*.yml"))

    def git(self, *words: str) -> str:
        return run(["git", *words], self.root).output.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", "--message", message)
        return self.git("rev-parse", "HEAD")

    def pull_request(self, *paths: str) -> Event:
        """Somebody's branch that adds a line to each path, as GitHub would merge it; no secrets."""
        base = self.git("rev-parse", "main")
        self.git("switch", "--quiet", "--force-create", "work", "main")
        for path in paths:
            with (self.root / path).open("a") as stream:
                stream.write("# a change\n")
        self.commit("Change something")
        self.git("switch", "--quiet", "--detach", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", "Merge", "work")
        merged = self.git("rev-parse", "HEAD")
        self.git("push", "--quiet", "--force", "origin", "HEAD:refs/pull/7/merge")
        self.git("switch", "--quiet", "main")
        payload = {"pull_request": {"base": {"sha": base}}}
        return Event("pull_request", "refs/pull/7/merge", merged, payload)

    def push(self, before: str = "") -> Event:
        """The present main, pushed; `before` is what it was."""
        self.git("push", "--quiet", "origin", "main", "main:develop")
        commit = self.git("rev-parse", "main")
        return Event("push", "refs/heads/main", commit, {"before": before or "0" * 40})

    def ran(self, workflow: str, event: Event, *only: str, **extra: str) -> Ran:
        """Run a workflow; with `only` no more than these jobs."""
        runner = self.runner
        runner.only, before = frozenset(only), dict(runner.extra)
        runner.extra = {**before, **extra}
        try:
            return runner.run(self.root / f".github/workflows/{workflow}.yml", event)
        finally:
            runner.extra = before


@contextmanager
def built(folder: Path, clone: Path, ports: tuple[int, int]) -> Iterator[House]:
    """Render, lock, record, commit and push; whatever was started is ended."""
    root, origin = folder / "ws", folder / "origin.git"
    state = folder / "state"
    state.mkdir()
    origin_of = {"_src_path": str(clone), "_commit": TAG}
    render("workspace", {**origin_of, "stack": [], "workspace_name": "demo"}, root)
    _configure(root, ports)
    goal = "Find out whether a small network separates the classes"
    answers = {"experiment_name": "first-try", "experiment_goal": goal}
    render("experiment", {**origin_of, **answers}, root / EXPERIMENT)
    for name in AGENTS:
        _agent(root, name, origin_of)
    runner = Runner(origin, stubs.make(folder / "tools"), state)
    house = House(root, runner, ports[1])
    run([UV, "lock", "--quiet"], root)
    run(["git", "init", "--quiet", "--bare", origin], folder)
    run(["git", "config", "uploadpack.allowAnySHA1InWant", "true"], origin)
    house.git("init", "--quiet", "--initial-branch", "main")
    house.git("remote", "add", "origin", origin.as_uri())
    house.commit("Start")
    _record(root)
    house.commit("Record what the agent answers")
    house.push()
    house.git("fetch", "--quiet", "origin")
    try:
        yield house
    finally:
        _end(state)


@contextmanager
def model_server() -> Iterator[str]:
    """A fake Ollama as `mlws model sync` would leave it; yields its address."""
    fake = FakeOllama()
    fake.add(MODEL)
    with running(fake):
        copy = json.dumps({"source": MODEL, "destination": KEY}).encode()
        with urlopen(Request(f"{fake.url}/api/copy", copy), timeout=30) as answer:
            assert answer.status == 200
        yield fake.url


def release(clone: Path, tag: str) -> None:
    """A newer version of the template, in which one managed file of a workspace differs."""
    changed = clone / "templates/workspace/.github/workflows/nightly.yml"
    changed.write_text(f"# Of {tag}.\n{changed.read_text()}")
    for words in (("commit", "--quiet", "--all", "--message", tag), ("tag", tag)):
        run(["git", *words], clone)


def _configure(root: Path, ports: tuple[int, int]) -> None:
    config = root / "mlws.toml"
    text = re.sub(r"^\[deploy\]\n(?:(?!\[reports\]).*\n)*", "", config.read_text(), flags=re.M)
    config.write_text(text + "\n" + DEPLOY.format(staging=ports[0], production=ports[1]))


def _agent(root: Path, name: str, origin: dict[str, str]) -> None:
    """An agent with its lock; one lock serves all three, as only the name differs."""
    folder = root / "agents/production" / name
    render("agent", {**origin, "agent_name": name, "agent_framework": "plain"}, folder)
    (folder / "tests/behaviour/cases.yaml").write_text(CASES)
    first = root / "agents/production" / AGENTS[0] / "uv.lock"
    if name == AGENTS[0]:
        run([UV, "lock", "--quiet"], folder)
    else:
        text = first.read_text().replace(f"agent-{AGENTS[0]}", f"agent-{name}")
        (folder / "uv.lock").write_text(text)


def _record(root: Path) -> None:
    """Answers of a model (the fake server's, which is no `fake` model to mlws), and it is live."""
    folder = root / "agents/production" / AGENTS[0]
    run([UV, "sync", "--quiet", "--locked"], folder)
    fake = FakeOllama(offered=[MODEL])
    fake.add(MODEL, KEY)
    with running(fake):
        extra = {"OLLAMA_HOST": fake.url, "MLWS_MODELS_HOST": fake.url, "PATH": _path()}
        mlws = Path(sys.executable).with_name("mlws")
        run([mlws, "agent", "eval", AGENTS[0], "--live"], root, extra)
    shutil.rmtree(folder / ".venv")
    stored = json.loads((folder / "tests/behaviour/recordings.json").read_text())
    registry = root / "models/registry.yaml"
    live = f"    live: {{version: v1, digest: '{stored['digest']}'}}\n"
    text = registry.read_text()
    assert text.count("    status: development\n") == 1
    registry.write_text(text.replace("status: development\n", f"status: production\n{live}"))


def _path() -> str:
    return os.pathsep.join([str(UV.parent), os.environ["PATH"]])


def _end(state: Path) -> None:
    """End what the stubs started and nobody took back."""
    containers = state / "docker-containers.json"
    started = (
        [int(pid) for pid in json.loads(containers.read_text())] if containers.exists() else []
    )
    servers = state / "servers"
    started += [int(line) for line in servers.read_text().split()] if servers.exists() else []
    for lock in state.glob("hosts/*/home/.local/state/mlws/workspaces/*/deploy/*/*/*/lock"):
        Daemon(lock.parent).stop(0.2)
    for pid in started:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
