"""What GPUs cost in the period, from the usage ledger and [[prices]].

An object {period: {since, until}, currency (null where there are several or none), total, person,
experiment, agent, gpu, week, unpriced ({model: GPU-hours}), budgets: a list of {name, limit, spent,
unit, state (kept, near, breached, not judged), why, breached}, waste, trend}. total and the rows of
the five lists are {key, runs, allocated_hours, measured_hours, busy_hours, energy_kwh,
unpriced_hours, costs ({currency: amount})}, null where not measured. trend: {before}: the costs of
as long a time before the period.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from mlws_scaffold.experiments.index import entries, listing
from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.costs import rendering, waste
from mlws_scaffold.gpus.costs.budgets import Limit, Limits
from mlws_scaffold.gpus.costs.pricing import Prices
from mlws_scaffold.gpus.costs.report import Question, Report, Sum, report
from mlws_scaffold.gpus.costs.waste import Booked
from mlws_scaffold.gpus.ledger import book, sampling
from mlws_scaffold.gpus.ledger.book import Usage
from mlws_scaffold.team.snapshot.period import Period, instant
from mlws_scaffold.team.snapshot.section import Section
from mlws_scaffold.workspace.config import Workspace

NAME = "costs"
SOURCE = "the usage ledger; [[prices]] and [budgets] of mlws.toml; budgets of metadata.yaml"
EMPTY: Mapping[str, Any] = {}

# Of all time by experiment; `joining` takes it to the experiments.
EVER = "ever"
_BY = {
    "person": "researcher",
    "experiment": "experiment",
    "agent": "agent",
    "gpu": "gpu",
    "week": "week",
}


def collect(place: Workspace, period: Period) -> Section:
    """The sums of the period. Raises Unavailable when the store cannot be read."""
    sampling.enter_kept(place)
    since, until = period.since.timestamp(), period.until.timestamp()
    with stores.open(place) as store:
        usages = book.read(book.opened(store))
        booked = waste.reservations(store, since, until)
    asked = _Asked(Prices(place.config.prices), usages, booked, _limits(place), period.zone)
    reports = {name: asked.report(by, period.since, period.until) for name, by in _BY.items()}
    first = reports["person"]
    before = asked.report("researcher", period.since - (period.until - period.since), period.since)
    currencies = sorted(first.total.costs)
    document = rendering.document(first)
    data = {
        "period": {"since": instant(period.since), "until": instant(period.until)},
        "currency": currencies[0] if len(currencies) == 1 else None,
        "total": _row("total", first.total),
        **{name: [_row(line.key, line.sum) for line in one.lines] for name, one in reports.items()},
        "unpriced": document["unpriced"],
        "budgets": [
            {**one, "breached": one["state"] == "breached"}
            for one in document["budgets"]  # type: ignore[attr-defined]
        ],
        "waste": document["waste"],
        "trend": {"before": dict(before.total.costs)},
        EVER: _ever(place, usages),
    }
    return Section(NAME, SOURCE, data, notes=first.notes)


class _Asked:
    """The ledger as it was read, asked as often as needed."""

    def __init__(
        self,
        prices: Prices,
        usages: Sequence[Usage],
        booked: Sequence[Booked] | None,
        limits: Limits,
        zone: str,
    ) -> None:
        self._parts = prices, usages, booked
        self._limits = limits
        self._zone = zone

    def report(self, by: str, since: datetime, until: datetime) -> Report:
        limits = self._limits if by == "researcher" else Limits()
        return report(Question(by, since, until, self._zone, limits), *self._parts)


def _ever(
    place: Workspace, usages: Sequence[Usage]
) -> dict[str, tuple[float, Mapping[str, float]]]:
    """GPU-hours and cost of all time by experiment."""
    prices = Prices(place.config.prices)
    sums: dict[str, Sum] = {}
    for usage in usages:
        total = sums.setdefault(usage.subject.experiment, Sum())
        for one in usage.segments:
            total.add(one, prices)
    return {key: (total.allocated, dict(total.costs)) for key, total in sums.items()}


def _row(key: str, total: Sum) -> dict[str, Any]:
    return {
        "key": key,
        "runs": len(total.runs),
        "allocated_hours": total.allocated,
        "measured_hours": total.measured,
        "busy_hours": total.busy if total.measured else None,
        "energy_kwh": total.energy if total.energy_hours else None,
        "unpriced_hours": total.unpriced,
        "costs": dict(sorted(total.costs.items())),
    }


def _limits(place: Workspace) -> Limits:
    """The budgets of `mlws.toml`, and those of the experiments of all branches."""
    with entries.everywhere(place.layout) as found:
        known = [json.loads(text) for _, text in listing.with_metadata(found, 0)]
    return Limits(
        monthly=place.config.budgets,
        experiments={
            one["experiment_id"]: Limit(budget["gpu_hours"], budget["cost"])
            for one in known
            if (budget := one["budget"])
        },
    )
