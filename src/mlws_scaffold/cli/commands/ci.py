"""`mlws ci`: the group; what the workflows of a workspace ask, so that no logic hides in YAML."""

from __future__ import annotations

import click

from mlws_scaffold.cli.lazy import LazyGroup

_COMMANDS = "mlws_scaffold.cli.commands"

TABLE = {
    "changed-agents": (f"{_COMMANDS}.ci_changed:changed_agents", "Agents that a change touches."),
    "changed-experiments": (
        f"{_COMMANDS}.ci_changed:changed_experiments",
        "Experiments that a change touches.",
    ),
    "check": (f"{_COMMANDS}.ci_check:check", "The rules, on the diff and in the summary."),
    "test-experiments": (
        f"{_COMMANDS}.ci_check:test_experiments",
        "The tests of the experiments that changed.",
    ),
    "require-approvals": (
        f"{_COMMANDS}.ci_approvals:require_approvals",
        "Whether enough people approved.",
    ),
    "tag-agents": (f"{_COMMANDS}.ci_tags:tag_agents", "Tags for the versions that have none."),
    "read-tag": (f"{_COMMANDS}.ci_release:read_tag", "What a release tag says."),
    "smoke-image": (f"{_COMMANDS}.ci_release:smoke_image", "Whether an image answers."),
    "verify-image": (f"{_COMMANDS}.ci_release:verify_image", "Whether it is the attested one."),
    "mirror-deployments": (
        f"{_COMMANDS}.ci_release:mirror_deployments",
        "Records of the targets, into git.",
    ),
    "propose": (f"{_COMMANDS}.ci_propose:propose", "A pull request with what changed."),
}


@click.group(cls=LazyGroup, table=TABLE)
def ci() -> None:
    """What continuous integration asks: what changed, what is released, what was approved."""
