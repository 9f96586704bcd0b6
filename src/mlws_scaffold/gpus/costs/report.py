"""The cost of a time: by whom, of what, against which budget, and how much of it was wasted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from mlws_scaffold.gpus.costs.budgets import BudgetLine, Limits, against
from mlws_scaffold.gpus.costs.pricing import Prices
from mlws_scaffold.gpus.costs.waste import Booked, Waste, wasted
from mlws_scaffold.gpus.ledger.book import Segment, Usage, cut

UNKNOWN_MODEL = "GPU of unknown model"
HOUR = 3600.0
BY = ("researcher", "experiment", "agent", "gpu", "week")


@dataclass(slots=True)
class Sum:
    """What came together. Hours are GPU-hours; `costs` is by currency.

    `measured` is the part of `allocated` for which `busy` is known, `energy` in kWh likewise.
    """

    allocated: float = 0.0
    measured: float = 0.0
    busy: float = 0.0
    energy: float = 0.0
    energy_hours: float = 0.0
    unpriced: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)

    def add(self, one: Segment, prices: Prices) -> None:
        hours = one.seconds / HOUR
        self.allocated += hours
        self.runs.add(one.run_id)
        if one.busy is not None:
            self.measured += hours
            self.busy += one.busy / HOUR
        if one.energy is not None:
            self.energy += one.energy / 3.6e6
            self.energy_hours += hours
        for piece in prices.pieces(one.model, one.began, one.ended):
            if piece.price is None or piece.cost is None:
                self.unpriced += hours * piece.share
            else:
                currency = piece.price.currency
                self.costs[currency] = self.costs.get(currency, 0.0) + piece.cost


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report."""

    key: str
    sum: Sum


@dataclass(frozen=True, slots=True)
class Report:
    """What `mlws report cost` says. `unpriced`: GPU-hours by model; `agents`: name to why not."""

    since: datetime | None
    until: datetime
    by: str
    lines: tuple[Line, ...]
    total: Sum
    unpriced: Mapping[str, float]
    budgets: tuple[BudgetLine, ...]
    waste: Waste
    agents: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def breached(self) -> tuple[BudgetLine, ...]:
        return tuple(one for one in self.budgets if one.state == "breached")

    @property
    def undecided(self) -> tuple[BudgetLine, ...]:
        """Budgets that cannot be judged: unpriced hours count towards them."""
        return tuple(one for one in self.budgets if one.state == "not judged")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `agents`: every agent there is, with why its own GPU share is not known."""

    by: str
    since: datetime | None
    until: datetime
    zone: str = "UTC"
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    agents: Mapping[str, str] = field(default_factory=dict)


def report(
    question: Question,
    prices: Prices,
    usages: Sequence[Usage],
    booked: Sequence[Booked] | None = None,
) -> Report:
    """Sum up. `usages` are all of the ledger: a budget may look further back than the question."""
    zone = ZoneInfo(question.zone)
    since = question.since.timestamp() if question.since else 0.0
    until = question.until.timestamp()
    key_of = _KEYS[question.by]
    lines: dict[str, Sum] = {}
    total, unpriced = Sum(), dict[str, float]()
    for usage in usages:
        for whole in usage.segments:
            one = cut(whole, since, until)
            if one is None:
                continue
            lines.setdefault(key_of(usage, one, zone), Sum()).add(one, prices)
            total.add(one, prices)
            missing = Sum()
            missing.add(one, prices)
            if missing.unpriced:
                name = one.model or UNKNOWN_MODEL
                unpriced[name] = unpriced.get(name, 0.0) + missing.unpriced
    order = sorted(lines, key=lambda key: (-sum(lines[key].costs.values()), key))
    if question.by == "week":
        order = sorted(lines)
    return Report(
        since=question.since,
        until=question.until,
        by=question.by,
        lines=tuple(Line(key, lines[key]) for key in order),
        total=total,
        unpriced=dict(sorted(unpriced.items())),
        budgets=against(question.limits, _spent(question, prices, usages)),
        waste=wasted(usages, booked, since, until),
        agents=question.agents,
        notes=_notes(total),
    )


def month_of(question: Question) -> datetime:
    """When the month began that budgets are for. At midnight it is the one that has just ended."""
    local = (question.until - timedelta(seconds=1)).astimezone(ZoneInfo(question.zone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _spent(
    question: Question, prices: Prices, usages: Sequence[Usage]
) -> Callable[[str, str], Sum]:
    """Sums for budgets: of the month (`month`, `person`), or of all time (`experiment`)."""
    first, until = month_of(question).timestamp(), question.until.timestamp()

    def spent(kind: str, name: str) -> Sum:
        found = Sum()
        for usage in usages:
            own = {"month": "", "person": usage.subject.researcher}.get(
                kind, usage.subject.experiment
            )
            if own != name:
                continue
            for whole in usage.segments:
                began = 0.0 if kind == "experiment" else first
                one = cut(whole, began, until)
                if one is not None:
                    found.add(one, prices)
        return found

    return spent


def _notes(total: Sum) -> tuple[str, ...]:
    notes = []
    if total.allocated and total.measured < total.allocated:
        rest = total.allocated - total.measured
        notes.append(
            f"busy time of {rest:.1f} GPU-hours is not measured: no driver could be asked there"
        )
    if total.allocated and total.energy_hours < total.allocated:
        rest = total.allocated - total.energy_hours
        notes.append(f"energy of {rest:.1f} GPU-hours is not measured: no counter could be read")
    return tuple(notes)


def _week(_usage: Usage, one: Segment, zone: ZoneInfo) -> str:
    year, week, _ = datetime.fromtimestamp(one.began, UTC).astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


_KEYS: Mapping[str, Callable[[Usage, Segment, ZoneInfo], str]] = {
    "researcher": lambda usage, _one, _zone: usage.subject.researcher,
    "experiment": lambda usage, _one, _zone: usage.subject.experiment,
    "agent": lambda usage, _one, _zone: usage.subject.actor.removeprefix("agent:"),
    "gpu": lambda _usage, one, _zone: one.model or UNKNOWN_MODEL,
    "week": _week,
}
