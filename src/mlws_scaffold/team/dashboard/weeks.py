"""Cost over time: each week of the period by person, experiment and agent, from the usage ledger.

Part of the section `details`: {weeks: [names], person, experiment, agent: [{key, amounts (one for
each week)}], measure}. Amounts are costs where all are in one currency, else GPU-hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mlws_scaffold.gpus import store as stores
from mlws_scaffold.gpus.costs.budgets import Limits
from mlws_scaffold.gpus.costs.pricing import Prices
from mlws_scaffold.gpus.costs.report import Question, Sum, report
from mlws_scaffold.gpus.ledger import book
from mlws_scaffold.team.dashboard.words import clean, number
from mlws_scaffold.team.snapshot.period import Period
from mlws_scaffold.workspace.config import Workspace

BY = {"person": "researcher", "experiment": "experiment", "agent": "agent"}
_MOST_WEEKS, _MOST_LINES = 8, 15


def collect(place: Workspace, period: Period) -> dict[str, Any]:
    """The last weeks, the largest sums first. Raises Unavailable when the store cannot be read."""
    spans = list(_weeks(period))[-_MOST_WEEKS:]
    prices = Prices(place.config.prices)
    with stores.open(place) as store:
        usages = book.read(book.opened(store))
    found: dict[str, dict[str, list[Sum]]] = {}
    for name, by in BY.items():
        lines: dict[str, list[Sum]] = {}
        for at, (since, until) in enumerate(spans):
            asked = Question(by, since, until, period.zone, Limits())
            for line in report(asked, prices, usages).lines:
                lines.setdefault(line.key, [Sum() for _ in spans])[at] = line.sum
        found[name] = lines
    currencies = {key for row in found["person"].values() for one in row for key in one.costs}
    currency = currencies.pop() if len(currencies) == 1 else None
    shaped = {name: _lines(lines, currency) for name, lines in found.items()}
    weeks = [f"{since.astimezone(ZoneInfo(period.zone)):%G-W%V}" for since, _ in spans]
    return {"weeks": weeks, "measure": currency or "GPU-hours", **shaped}


def _weeks(period: Period) -> Iterator[tuple[datetime, datetime]]:
    """The weeks of the team's zone, the first and the last cut at the ends of the period."""
    zone, since = ZoneInfo(period.zone), period.since
    while since < period.until:
        day = since.astimezone(zone).date()
        monday = day + timedelta(days=7 - day.weekday())
        until = min(datetime.combine(monday, time(), zone), period.until)
        yield since, until
        since = until


def _lines(lines: dict[str, list[Sum]], currency: str | None) -> list[dict[str, Any]]:
    rows = [
        {"key": clean(key, 80) or "none named", "amounts": [_amount(one, currency) for one in sums]}
        for key, sums in lines.items()
    ]
    return sorted(rows, key=lambda row: -_total(row["amounts"]))[:_MOST_LINES]


def _amount(one: Sum, currency: str | None) -> float:
    return float(number(one.costs.get(currency, 0.0) if currency else one.allocated) or 0.0)


def _total(amounts: Any) -> float:
    known: Sequence[float] = amounts
    return sum(known)
