"""All checks by their permanent ID. Adding a line here is all it takes to add one."""

from __future__ import annotations

from collections.abc import Iterable

from mlws_scaffold.checks.agents import (
    AgentComplete,
    AgentValid,
    ModelRegistered,
    NameIsFolder,
    OwnerKnown,
    PromptsExist,
    SharedPrompts,
)
from mlws_scaffold.checks.check import Check
from mlws_scaffold.checks.environment import CondaInStep, LockCurrent
from mlws_scaffold.checks.experiments import (
    DatesPlausible,
    IdUnique,
    MetadataPresent,
    MetadataValid,
    PeopleKnown,
    ReferencesExist,
    ResearcherIsFolder,
)
from mlws_scaffold.checks.git import BranchName, HotfixReturned, NoIgnoredFile, NoLargeFile
from mlws_scaffold.checks.imports import ImportsDeclared
from mlws_scaffold.checks.modelfiles import ModelfilesSound, VersionForChange
from mlws_scaffold.checks.models import BaseAgrees, ModelfilesExist, OwnersKnown, RegistryValid
from mlws_scaffold.checks.outcomes import HandoffComplete, ResultsAgree
from mlws_scaffold.checks.owners import CodeownersCurrent
from mlws_scaffold.checks.people import OwnNamespace
from mlws_scaffold.checks.readiness import HealthChecked, ManifestsNamed, RequestShown
from mlws_scaffold.checks.readme import ReadmeComplete
from mlws_scaffold.checks.secrets import NoSecrets
from mlws_scaffold.checks.status import MoveLegal, StatusEarned
from mlws_scaffold.checks.weights import WeightsDescribed
from mlws_scaffold.checks.workspace import (
    AnswersKept,
    ConfigValid,
    LayoutComplete,
    NoMergeLeftovers,
)
from mlws_scaffold.errors import UsageError, did_you_mean

CHECKS: dict[str, Check] = {
    "WS001": LayoutComplete(),
    "WS002": ConfigValid(),
    "WS003": AnswersKept(),
    "WS004": NoMergeLeftovers(),
    "WS005": LockCurrent(),
    "WS006": CondaInStep(),
    "EXP001": MetadataPresent(),
    "EXP002": MetadataValid(),
    "EXP003": ResearcherIsFolder(),
    "EXP004": IdUnique(),
    "EXP005": StatusEarned(),
    "EXP006": DatesPlausible(),
    "EXP007": ReadmeComplete(),
    "EXP008": PeopleKnown(),
    "EXP009": MoveLegal(),
    "EXP010": ReferencesExist(),
    "EXP011": ResultsAgree(),
    "EXP012": HandoffComplete(),
    "EXP013": ImportsDeclared(),
    "MOD001": RegistryValid(),
    "MOD002": ModelfilesExist(),
    "MOD003": BaseAgrees(),
    "MOD004": OwnersKnown(),
    "MOD005": ModelfilesSound(),
    "MOD006": VersionForChange(),
    "MOD010": WeightsDescribed(),
    "AGT001": AgentValid(),
    "AGT002": NameIsFolder(),
    "AGT003": ModelRegistered(),
    "AGT004": OwnerKnown(),
    "AGT005": AgentComplete(),
    "AGT006": PromptsExist(),
    "AGT007": SharedPrompts(),
    "AGT008": RequestShown(),
    "AGT009": HealthChecked(),
    "AGT010": ManifestsNamed(),
    "GIT001": NoLargeFile(),
    "GIT002": NoIgnoredFile(),
    "GIT003": HotfixReturned(),
    "GIT004": BranchName(),
    "GIT005": OwnNamespace(),
    "GIT006": NoSecrets(),
    "GIT007": CodeownersCurrent(),
}

AREAS = ("workspace", "experiments", "models", "agents", "git", "branch")


def select(wanted: Iterable[str]) -> list[Check]:
    """The checks of the named areas and IDs, in the table's order; all when none is named."""
    chosen: set[str] = set()
    for word in wanted:
        if word.upper() in CHECKS:
            chosen.add(word.upper())
        elif word == "branch":  # for hooks: the name alone
            chosen.add("GIT004")
        elif word in AREAS:
            chosen |= {check.id for check in CHECKS.values() if check.area == word}
        else:
            raise UsageError(f"no area or check {word!r}", did_you_mean(word, [*AREAS, *CHECKS]))
    return [check for check in CHECKS.values() if not chosen or check.id in chosen]
