"""`baseline.json`: how an agent behaved at a commit, and what has become worse since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlws_scaffold.adapters import files
from mlws_scaffold.agents.evaluation import judging
from mlws_scaffold.agents.evaluation.cases import Cases
from mlws_scaffold.agents.evaluation.judging import Tried
from mlws_scaffold.agents.evaluation.recordings import Model
from mlws_scaffold.errors import MlwsError, Unavailable

VERSION = 1


@dataclass(frozen=True, slots=True)
class Before:
    """How a case stood: so many of its runs passed; its score, None without references."""

    passed: int
    of: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A stored evaluation. `fake`: an echo answered, so it says nothing about a model."""

    agent: str
    commit: str
    model: str
    fake: bool
    cases: Mapping[str, Before]
    score: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A case beside its past. verdict: ok, fails, worse, new, gone; why says more."""

    case: str
    before: Before | None
    verdict: str
    why: str = ""


def read(path: Path, shown: str) -> Baseline:
    """Read a baseline. Raises MlwsError when it is missing or broken."""
    cure = "record one: mlws agent eval NAME --record"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise MlwsError(f"{shown} has version {data['version']}, and {VERSION} is known", cure)
        cases = {
            str(name): Before(
                int(one["passed"]),
                int(one["of"]),
                None if one["score"] is None else float(one["score"]),
            )
            for name, one in data["cases"].items()
        }
        return Baseline(
            str(data["agent"]),
            str(data["commit"]),
            str(data["model"]),
            bool(data["fake"]),
            cases,
            float(data["score"]),
        )
    except FileNotFoundError:
        raise MlwsError(f"{shown} is missing", cure) from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise MlwsError(f"{shown} cannot be read: {error!r:.200}", cure) from None


def write(path: Path, agent: str, commit: str, model: Model, tried: list[Tried]) -> None:
    """Write the baseline of an evaluation at a commit."""
    data = {
        "version": VERSION,
        "agent": agent,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "model": model.name,
        "digest": model.digest or None,
        "fake": model.fake,
        "cases": {
            one.case.id: {"passed": one.passed, "of": one.case.runs, "score": one.score}
            for one in tried
        },
        "score": judging.total(tried),
    }
    files.write(path, json.dumps(data, indent=2) + "\n")


def comparable(old: Baseline, model: Model) -> None:
    """Raise Unavailable when one of the two was answered by the fake model and the other not."""
    if old.fake != model.fake:
        which = "the baseline" if old.fake else "this evaluation"
        raise Unavailable(
            f"{which} is of the fake model, so nothing can be said about what became worse",
            "compare with a baseline of the same kind",
        )


def compare(old: Baseline | None, cases: Cases, tried: list[Tried]) -> list[Compared]:
    """Each case beside its past; without a baseline only whether it holds."""
    found = [_beside(old, cases, one) for one in tried]
    now = {one.case.id for one in tried}
    if old is not None:
        found += [
            Compared(name, before, "gone", "the baseline has it, the cases do not")
            for name, before in old.cases.items()
            if name not in now
        ]
    return found


def _beside(old: Baseline | None, cases: Cases, one: Tried) -> Compared:
    case = one.case
    before = old.cases.get(case.id) if old else None
    if before is not None:
        held = before.of > 0 and before.passed / before.of >= case.needed / case.runs
        if held and not one.holds:
            why = f"{one.passed} of {case.runs} pass, {case.needed} needed; it held before"
            return Compared(case.id, before, "worse", why)
        tolerance = cases.tolerance if case.tolerance is None else case.tolerance
        if before.score is not None and one.score is not None:
            fall = before.score - one.score
            if fall > tolerance + 1e-9:
                why = f"score {one.score:.2f} was {before.score:.2f}: more than {tolerance:g} lost"
                return Compared(case.id, before, "worse", why)
    if not one.holds:
        why = f"{one.passed} of {case.runs} pass, {case.needed} needed"
        return Compared(case.id, before, "fails", why)
    return Compared(case.id, before, "new" if old is not None and before is None else "ok")
