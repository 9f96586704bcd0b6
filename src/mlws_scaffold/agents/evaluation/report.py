"""What was found, for people (Markdown, a table) and for gates (evidence)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import files
from mlws_scaffold.agents import evidence
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation import judging
from mlws_scaffold.agents.evaluation.baseline import Compared
from mlws_scaffold.agents.evaluation.judging import Attempt, Tried
from mlws_scaffold.agents.evaluation.recordings import Model
from mlws_scaffold.workspace.config import Workspace

_SHOWN = 400  # characters of an answer


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that is known after an evaluation. `live`: answers given now, else recorded ones."""

    agent: str
    model: Model
    live: bool
    tried: tuple[Tried, ...]
    compared: tuple[Compared, ...]

    @property
    def score(self) -> float:
        return judging.total(list(self.tried))

    @property
    def by(self) -> str:
        """Who answered, in words."""
        name = "the fake model, which only echoes" if self.model.fake else self.model.name
        return name if self.live else f"{name}, recorded"


def rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """One row a case: id, passed, of, needed, score, before, before_score, verdict, why."""
    now = {one.case.id: one for one in evaluation.tried}
    found = []
    for compared in evaluation.compared:
        one, before = now.get(compared.case), compared.before
        found.append(
            {
                "case": compared.case,
                "passed": one.passed if one else None,
                "of": one.case.runs if one else None,
                "needed": one.case.needed if one else None,
                "score": one.score if one else None,
                "before": f"{before.passed}/{before.of}" if before else None,
                "before_score": before.score if before else None,
                "verdict": compared.verdict,
                "why": compared.why,
            }
        )
    return found


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """The same for machines."""
    return {
        "model": evaluation.model.name,
        "digest": evaluation.model.digest or None,
        "fake": evaluation.model.fake,
        "recorded": not evaluation.live,
        "score": evaluation.score,
        "cases": rows(evaluation),
    }


def verdict(evaluation: Evaluation) -> str:
    """The whole in one line."""
    held = sum(one.holds for one in evaluation.tried)
    words = f"{held} of {len(evaluation.tried)} cases hold, score {evaluation.score:.2f}"
    return f"{evaluation.agent}: {words}, answered by {evaluation.by}"


def failed(evaluation: Evaluation) -> Iterator[str]:
    """What a person wants to see of the answers that were not as expected."""
    for one in evaluation.tried:
        for attempt in one.attempts:
            if attempt.failures:
                yield f"{one.case.id}, seed {attempt.seed}: {'; '.join(attempt.failures)}"
                yield f"  answered: {_clip(attempt.answer.text)!r}"


def keep(place: Workspace, found: Found, commit: str, evaluation: Evaluation) -> list[Path]:
    """Write the evidence for a commit, and the report beside it."""
    data = {**summary(evaluation), "ok": all(one.holds for one in evaluation.tried)}
    path = evidence.record(place, found, "eval", commit, data)
    written = path.with_suffix(".md")
    files.write(written, text(evaluation, place.layout.relative(found.folder), commit))
    return [path, written]


def text(evaluation: Evaluation, folder: str, commit: str) -> str:
    """The report as Markdown."""
    lines = [
        f"# Behaviour of {evaluation.agent}",
        "",
        f"`{folder}` at `{commit[:12]}`. {verdict(evaluation)}.",
        "",
        "| case | passed | needed | score | before | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows(evaluation):
        passed = "" if row["passed"] is None else f"{row['passed']}/{row['of']}"
        before = " ".join(part for part in (row["before"], _figure(row["before_score"])) if part)
        cells = (row["case"], passed, row["needed"] or "", _figure(row["score"]), before)
        said = f"{row['verdict']}: {row['why']}" if row["why"] else row["verdict"]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} | {said} |")
    for one in evaluation.tried:
        lines += ["", f"## {one.case.id}", ""]
        for turn in one.case.conversation:
            lines.append(f"- {turn['role']}: {_inline(turn['content'])}")
        for attempt in one.attempts:
            lines.append(
                f"- seed {attempt.seed}, {_verdict(attempt)}: {_inline(attempt.answer.text)}"
            )
    return "\n".join(lines) + "\n"


def _verdict(attempt: Attempt) -> str:
    said = "; ".join(attempt.failures) or "passed"
    score = "" if attempt.score is None else f", score {attempt.score:.2f}"
    return f"{attempt.answer.seconds:.1f} s, {said}{score}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _inline(value: str) -> str:
    """As code on one line, whatever signs it holds."""
    return f"`` {' '.join(_clip(value).replace('`', ' ').split()) or '(nothing)'} ``"


def _clip(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
