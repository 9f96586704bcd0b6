"""What a workspace is given for reviews: the list, the rulesets, the owners, the forms."""

from __future__ import annotations

import json
import os
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlws_scaffold.agents import codeowners, testing
from mlws_scaffold.checks.git import problem_with_branch
from mlws_scaffold.checks.table import CHECKS
from mlws_scaffold.workspace.config import Config, Person, WorkspaceTable

WORKSPACE = Path(__file__).parents[3] / "templates/workspace"
RUNBOOK = WORKSPACE / "docs/runbooks/code-review-checklist.md"
RULESETS = {path.stem: path for path in sorted((WORKSPACE / ".github/rulesets").glob("*.json"))}
# What a ruleset can hold on every plan that has rulesets (GitHub's REST reference).
RULES = {
    "creation",
    "update",
    "deletion",
    "non_fast_forward",
    "pull_request",
    "required_status_checks",
}


ARTICLE = """
metadata is complete; readme gives the goal; config.yaml; import is declared; results:; code runs;
comments; notebooks; metric is defined; baseline; tests pass; covered; bandit; readme shows;
configuration is outside; logging; errors of; image builds; style; docstrings; type hints;
benchmark; metrics are collected; health check; diagram; troubleshooting; use cases; dashboard;
self review; peer review; ci is green; one approval for experiments, two; squash merge
"""


def ruleset(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(RULESETS[name].read_text())
    return loaded


def jobs() -> set[str]:
    """The names under which the workflows' jobs report."""
    found = set()
    for path in (WORKSPACE / ".github/workflows").glob("*.yml"):
        for key, job in yaml.safe_load(path.read_text())["jobs"].items():
            found.add(job.get("name", key))
    return found


def rows() -> list[tuple[str, str]]:
    """Item and holder of every line in the tables."""
    lines = [line for line in RUNBOOK.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [(row[-2], row[-1]) for row in cells if row[-1] != "held by"]


def test_every_line_of_the_list_is_held_by_something_that_exists() -> None:
    steps, workflows = {step.name for step in testing.PRODUCTION}, jobs()
    for item, holder in rows():
        rest = holder
        for identifier in re.findall(r"\b[A-Z]{2,3}\d{3}\b", holder):
            assert identifier in CHECKS, item
        for kind, name in re.findall(r"(agent test|ci|ruleset):? ([\w-]+)", holder):
            known = {"agent test": steps, "ci": workflows, "ruleset": set(RULESETS)}[kind]
            assert name in known, (item, name)
        held = re.search(r"[A-Z]{2,3}\d{3}|agent test: |ci: |ruleset |human", rest)
        assert held, item


def test_the_list_has_every_item_of_the_article() -> None:
    text = " ".join(item.lower() for item, _ in rows())
    for words in ARTICLE.split(";"):
        assert words.strip() in text, words


def test_the_required_checks_are_names_that_the_workflows_report() -> None:
    for name in ("main", "develop"):
        rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset(name)["rules"]}
        wanted = {
            one["context"] for one in rules["required_status_checks"]["required_status_checks"]
        }
        assert wanted == {"experiment-validation", "agent-tests", "approvals"}
        assert wanted <= jobs()
        assert {"deletion", "non_fast_forward", "pull_request"} <= set(rules)
    methods = {rule["type"]: rule for rule in ruleset("develop")["rules"]}["pull_request"]
    assert "squash" in methods["parameters"]["allowed_merge_methods"]


@pytest.mark.parametrize("name", RULESETS)
def test_a_ruleset_has_the_shape_that_github_takes(name: str) -> None:
    loaded = ruleset(name)
    keys = {"name", "target", "enforcement", "bypass_actors", "conditions", "rules"}
    assert set(loaded) == keys
    assert loaded["target"] in ("branch", "tag")
    assert loaded["enforcement"] == "active"
    assert set(loaded["conditions"]["ref_name"]) == {"include", "exclude"}
    assert {rule["type"] for rule in loaded["rules"]} <= RULES
    prefix = {"branch": "refs/heads/", "tag": "refs/tags/"}[loaded["target"]]
    for patterns in loaded["conditions"]["ref_name"].values():
        assert all(one.startswith(prefix) or one == "~ALL" for one in patterns)


@pytest.mark.parametrize(
    "branch",
    [
        *("main", "develop", "feature/x", "feature/a/b", "hotfix/x", "experiment/ann/chunking"),
        *("experiment/chunking", "experiment/ann/x/y", "wip", "feature", "dependabot/pip/x"),
        *("mlws/update-v2", "deployments/helper-1", "pre-commit-ci-update-config"),
    ],
)
def test_the_ruleset_lets_in_the_branch_names_that_the_check_does(branch: str) -> None:
    excluded = ruleset("branch-names")["conditions"]["ref_name"]["exclude"]
    free = any(_matches(f"refs/heads/{branch}", pattern) for pattern in excluded)
    assert free == (problem_with_branch(branch, WorkspaceTable("demo")) is None)


def _matches(name: str, pattern: str) -> bool:
    """As Ruby's File.fnmatch with FNM_PATHNAME, which GitHub names: * stops at /, **/ does not."""
    parts, rest = name.split("/"), pattern.split("/")
    if not rest or not parts:
        return not rest and not parts
    return _parts(parts, rest)


def _parts(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_parts(parts[skip:], patterns[1:]) for skip in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _parts(parts[1:], patterns[1:])


def test_the_command_of_the_runbook_installs_every_ruleset(tmp_path: Path) -> None:
    (command,) = re.findall(r"^for file in .*gh api .*$", RUNBOOK.read_text(), re.MULTILINE)
    stub = tmp_path / "gh"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\ncat "$6" >/dev/null\n')
    stub.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-ec", command], cwd=WORKSPACE, env=env, check=True)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == [
        f"api --method POST repos/{{owner}}/{{repo}}/rulesets --input .github/rulesets/{name}.json"
        for name in RULESETS
    ]


def test_a_new_workspace_has_the_owners_that_a_sync_would_write() -> None:
    text = (WORKSPACE / ".github/CODEOWNERS.jinja").read_text()
    rendered = text.replace("{{ researcher_email }}", "s@example.org").replace(
        "{{ researcher }}", "sarah"
    )
    team = {"sarah": Person(name="sarah", email="s@example.org")}
    assert rendered == codeowners.generated(Config(WorkspaceTable("demo"), team=team), {})


def test_each_form_points_to_the_list_and_asks_what_tools_cannot_see() -> None:
    forms = {path.stem for path in (WORKSPACE / ".github/PULL_REQUEST_TEMPLATE").glob("*.md")}
    main = (WORKSPACE / ".github/pull_request_template.md").read_text()
    assert forms == {"experiment", "agent", "model"}
    assert all(f"{form}.md" in main for form in forms)
    for form in forms:
        text = (WORKSPACE / f".github/PULL_REQUEST_TEMPLATE/{form}.md").read_text()
        assert text.count("- [ ] ") >= 4
