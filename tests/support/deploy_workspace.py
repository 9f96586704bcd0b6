"""A workspace with one production agent that needs no packages, to be deployed for real.

Its server is that of the canary laboratory. LAB_FOLDER has to be in the environment of `mlws`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support import tiny_workspace

NAME = "helper"

PYPROJECT = """\
[project]
name = "helper"
version = "{version}"
requires-python = ">=3.11"
dependencies = []
"""

SMOKE = """\
import argparse, urllib.request
parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--version", default="")
asked = parser.parse_args()
with urllib.request.urlopen(f"{asked.url}/readyz", timeout=10) as answer:
    version = answer.headers["X-Version"]
if version != asked.version:
    raise SystemExit(f"version {version}, expected {asked.version}")
"""

# The laboratory's agent, started as an agent of the template is.
SERVER = """\
import asyncio, json, os, sys, tomllib
from pathlib import Path
from agent.lab import serve
home, lab = Path(os.environ["AGENT_HOME"]), Path(os.environ["LAB_FOLDER"])
version = tomllib.loads((home / "pyproject.toml").read_text())["project"]["version"]
if json.loads((lab / "faults.json").read_text()).get(version) == "exits":
    sys.exit("the configuration is wrong")
asyncio.run(serve(int(os.environ["AGENT_PORT"]), version, lab))
"""

REGISTRY = """\
models:
  base:
    source: ollama
    model_name: m:1
    owners: [ann]
    status: production
    version: v1
    live: {version: v1, digest: "sha256:aaaa"}
"""

LAB = Path(__file__).with_name("canary_lab") / "agent.py"


@dataclass(frozen=True, slots=True)
class House:
    """The workspace; `port` is where the agent's users ask."""

    root: Path
    port: int
    lab: Path

    @property
    def agent(self) -> Path:
        return self.root / "agents/production" / NAME

    def commit(self, version: str, fault: str = "", *, proved: bool = True) -> None:
        """Commit a version of the agent, with evidence for it unless `proved` is not."""
        (self.agent / "pyproject.toml").write_text(PYPROJECT.format(version=version))
        faults = self.lab / "faults.json"
        known = json.loads(faults.read_text()) if faults.exists() else {}
        faults.write_text(json.dumps({**known, version: fault}))
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv if uv.exists() else "uv", "lock", "--quiet", "--offline"],
            cwd=self.agent, check=True, env={**os.environ, "VIRTUAL_ENV": ""},
        )  # fmt: skip
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"{version} {fault}")
        if proved:
            self.prove()

    def prove(self) -> None:
        """Evidence as `mlws agent test` and `eval` leave it, for the present commit."""
        commit = self.git("rev-parse", "HEAD")
        folder = self.root / ".mlws/evidence" / commit
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("test", "eval"):
            evidence = {
                "version": 1, "kind": kind, "agent": f"agents/production/{NAME}", "commit": commit,
                "at": "2026-10-19T12:00:00+00:00", "ok": True,
            }  # fmt: skip
            (folder / f"production-{NAME}-{kind}.json").write_text(json.dumps(evidence))

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def records(self) -> list[dict[str, object]]:
        """The lines of deployments.jsonl."""
        path = self.agent / "deployments.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]


def make(folder: Path, port: int, staging: int, limit: int = 60) -> House:
    """A workspace in git with the agent in version 1.0.0, proved."""
    config = f"""\
[team.ann]
email = "ann@example.org"
[deploy]
target = "process"
stage_limit_seconds = {limit}
[deploy.staging]
port = {staging}
[deploy.production]
port = {port}
"""
    root = tiny_workspace.make(folder, config=config, registry=REGISTRY)
    house = House(root, port, folder.with_name(f"{folder.name}-lab"))
    house.lab.mkdir()
    (house.agent / "src/agent").mkdir(parents=True)
    (house.agent / "tests/smoke").mkdir(parents=True)
    (house.agent / "agent.yaml").write_text("name: helper\nowner: ann\nmodel: base\n")
    (house.agent / "src/agent/__init__.py").write_text("")
    shutil.copy(LAB, house.agent / "src/agent/lab.py")
    (house.agent / "src/agent/server.py").write_text(SERVER)
    (house.agent / "tests/smoke/smoke.py").write_text(SMOKE)
    (root / ".gitignore").write_text(".mlws/\n.venv/\n__pycache__/\n")
    house.git("init", "--quiet", "--initial-branch", "main")
    house.git("config", "user.email", "ann@example.org")
    house.git("config", "user.name", "Ann")
    house.commit("1.0.0")
    return house
