"""What became of experiments in the period: counts, success, how long they took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from mlws_scaffold.team.reporting.view import Row, View
from mlws_scaffold.team.snapshot.period import parsed
from mlws_scaffold.team.standup.work import CLOSED


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Experiments of the period by what became of them; `concluded` are of all three ends."""

    new: Sequence[Row]
    concluded: Sequence[Row]
    in_progress: Sequence[Row]

    def ended(self, state: str) -> int:
        """How many of the concluded are in this state now."""
        return sum(row["status"] == state for row in self.concluded)

    @property
    def successes(self) -> Sequence[Row]:
        """Those that are adopted, or whose metric met its target."""
        return [row for row in self.concluded if succeeded(row)]


def of(view: View, who: str = "") -> Outcomes:
    """What became of the experiments of a person, or of all."""
    rows = [row for row in view.rows("experiments") if not who or row["owner"] == who]
    return Outcomes(
        new=[row for row in rows if any(move["from"] is None for move in row["moves"])],
        concluded=[row for row in rows if concluded_at(row)],
        in_progress=[row for row in rows if row["status"] == "in_progress"],
    )


def concluded_at(row: Row) -> str | None:
    """When it was concluded in the period, if it was and still is."""
    ends = [move["at"] for move in row["moves"] if move["to"] in CLOSED]
    return ends[-1] if ends and row["status"] in (*CLOSED, "archived") else None


def succeeded(row: Row) -> bool:
    """Whether it is adopted, or completed with its target met."""
    if row["decision"] == "adopt":
        return True
    best, target = row["best_metric"], row["target"]
    if best is None or target is None or row["metric"] != row["primary_metric"]:
        return False
    return bool(best <= target if row["goal_of_metric"] == "minimize" else best >= target)


def median_days(rows: Sequence[Row]) -> float | None:
    """Days from `created` to the conclusion, the middle of them; None without any."""
    days = [
        (parsed(at).date() - date.fromisoformat(str(row["created"])[:10])).days
        for row in rows
        if (at := concluded_at(row))
    ]
    return float(median(days)) if days else None
