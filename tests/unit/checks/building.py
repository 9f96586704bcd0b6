"""A small workspace in which every check says yes, for tests to break in one place."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.checks.check import Result
from mlws_scaffold.checks.run import run
from mlws_scaffold.checks.target import Scope

EXPERIMENT = "experiments/active/sarah/chunking"
AGENT = "agents/production/helpdesk"
PROTOTYPE = "agents/prototypes/sketch"

METADATA = """\
experiment_id: chunking-v1
researcher: sarah
created: 2026-01-05
status: in_progress
goal: Know which chunk size answers best
hypothesis: Small chunks win, because questions are short
"""
CONFIG = """\
[workspace]
name = "demo"

[team.sarah]
email = "sarah@example.org"

[team.ann]
email = "ann@example.org"
"""
REGISTRY = """\
models:
  llama3.1-8b:
    source: ollama
    model_name: llama3.1:8b
    owners: [sarah]
  helper:
    source: custom
    base_model: llama3.1:8b
    modelfile: modelfiles/helper.Modelfile
    owners: [team]
"""
PYPROJECT = """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["numpy>=1.26", "PyYAML"]

[dependency-groups]
dev = ["pytest>=8", {include-group = "lint"}]
lint = ["ruff"]
"""
LOCK = """\
version = 1
requires-python = ">=3.11"

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }

[package.metadata]
requires-dist = [{ name = "numpy", specifier = ">=1.26" }, { name = "pyyaml" }]

[package.metadata.requires-dev]
dev = [{ name = "pytest", specifier = ">=8" }, { name = "ruff" }]
lint = [{ name = "ruff" }]

[[package]]
name = "numpy"
version = "2.1.3"
"""
AGENT_YAML = "name: {name}\nowner: sarah\nmodel: helper\n"
CODEOWNERS = """\
# begin: written by `mlws team sync` from mlws.toml and agent.yaml
* ann@example.org sarah@example.org
/experiments/active/ann/ ann@example.org sarah@example.org
/experiments/archive/ann/ ann@example.org sarah@example.org
/experiments/active/sarah/ ann@example.org sarah@example.org
/experiments/archive/sarah/ ann@example.org sarah@example.org
/agents/production/ ann@example.org sarah@example.org
/models/ ann@example.org sarah@example.org
/modelfiles/ ann@example.org sarah@example.org
/shared/ ann@example.org sarah@example.org
# Prototypes need no review: a line without an owner asks nobody.
/agents/prototypes/
# end: lines below this one are yours, and the last line that matches wins
"""

SOUND = {
    ".github/CODEOWNERS": CODEOWNERS,
    "mlws.toml": CONFIG,
    "pyproject.toml": PYPROJECT,
    "uv.lock": LOCK,
    ".gitignore": "*.log\noutputs/\n",
    ".copier-answers.yml": "_src_path: somewhere\n",
    "environment.yaml": (
        "channels: [conda-forge, nodefaults]\ndependencies: ['python>=3.11', pip]\n"
    ),
    "scripts/setup-env.sh": "#!/bin/sh\n",
    "models/registry.yaml": REGISTRY,
    "modelfiles/helper.Modelfile": "# about\nFROM llama3.1:8b\nSYSTEM short answers\n",
    "shared/tools/README.md": "Tools.\n",
    "shared/configs/training.yaml": "seed: 1\n",
    "shared/prompts/assistant.md": (
        "---\nowner: sarah\nmodel: llama3.1-8b\nversion: 1\n---\nAnswer.\n"
    ),
    "docs/runbooks/start.md": "Start here.\n",
    "docs/adrs/0001.md": "Decided.\n",
    "experiments/archive/README.md": "Closed work.\n",
    f"{EXPERIMENT}/metadata.yaml": METADATA,
    f"{EXPERIMENT}/README.md": (
        "# Chunking\n\n## Goal\n\nKnow.\n\n## How to run\n\n    python train.py\n"
    ),
    f"{EXPERIMENT}/.copier-answers.yml": "_src_path: somewhere\n",
    f"{EXPERIMENT}/train.py": "print('trained')\n",
    f"{PROTOTYPE}/agent.yaml": AGENT_YAML.format(name="sketch"),
    f"{PROTOTYPE}/.copier-answers.yml": "_src_path: somewhere\n",
    **{
        f"{PROTOTYPE}/{name}": f"# {name}\n"
        for name in ("README.md", "agent.py", "config.yaml", "prompts/system.md", "test_agent.py")
    },
    f"{AGENT}/agent.yaml": AGENT_YAML.format(name="helpdesk"),
    f"{AGENT}/.copier-answers.yml": "_src_path: somewhere\n",
    f"{AGENT}/README.md": "# Helpdesk\n\n```bash\ncurl http://127.0.0.1:8000/v1/models\n```\n",
    f"{AGENT}/Dockerfile": 'FROM python:3.13-slim-bookworm\nHEALTHCHECK CMD ["true"]\n',
    **{
        f"{AGENT}/{name}": f"# {name}\n"
        for name in (
            "RUNBOOK.md",
            "pyproject.toml",
            "config.yaml",
            "prompts/system.md",
            "src/agent/agent.py",
            "src/agent/server.py",
            "tests/unit/test_agent.py",
        )
    },
}


@dataclass(frozen=True)
class Place:
    """A folder with files and, when asked for, a repository."""

    root: Path

    def write(self, path: str, content: str | bytes) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text, f"{path} does not hold {old!r}"
        self.write(path, text.replace(old, new))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message: str = "change", email: str = "sarah@example.org") -> None:
        self.git("add", "-A")
        self.git("-c", f"user.email={email}", "commit", "-q", "--allow-empty", "-m", message)

    def ask(self, identifier: str, scope: Scope | None = None) -> Result:
        """The result of one check."""
        report = run(self.root, self.root, [identifier], scope or Scope())
        (outcome,) = report.outcomes
        return outcome.result

    def problems(self, identifier: str, scope: Scope | None = None) -> list[str]:
        return [str(problem) for problem in self.ask(identifier, scope).problems]

    def warnings(self, identifier: str, scope: Scope | None = None) -> list[str]:
        result = self.ask(identifier, scope)
        assert result.answer == "yes", result
        return [str(problem) for problem in result.warnings]


def files(root: Path) -> Place:
    """The sound workspace as plain files, without git."""
    place = Place(root)
    for path, content in SOUND.items():
        place.write(path, content)
    return place


def workspace(root: Path) -> Place:
    """The sound workspace, committed on main and develop; HEAD is on develop."""
    place = files(root)
    place.git("init", "-q", "-b", "main")
    place.git("config", "user.email", "sarah@example.org")
    place.git("config", "user.name", "Sarah")
    place.commit("begin")
    place.git("switch", "-q", "-c", "develop")
    return place
