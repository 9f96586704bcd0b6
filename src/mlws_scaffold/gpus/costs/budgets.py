"""Budgets against what was spent: of the month, of people in it, of experiments for good."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from mlws_scaffold.gpus.costs.report import Sum

MONTH = "month"
State = Literal["kept", "near", "breached", "not judged"]
_NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Limit:
    """The budget of one experiment. None: no limit of that kind."""

    gpu_hours: float | None = None
    cost: float | None = None


def _none() -> Mapping[str, Limit]:
    return MappingProxyType({})


def _nothing() -> Mapping[str, float]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Limits:
    """`[budgets]` of `mlws.toml` (`month` or a handle, for a month), and those of experiments."""

    monthly: Mapping[str, float] = field(default_factory=_nothing)
    experiments: Mapping[str, Limit] = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One budget. `unit` is a currency or GPU-hours; `why` says what stands in the way of it."""

    name: str
    limit: float
    spent: float
    unit: str
    state: State
    why: str = ""


def against(limits: Limits, spent: Callable[[str, str], Sum]) -> tuple[BudgetLine, ...]:
    """Judge every budget. `spent` gives the sum of a kind (month, person, experiment) and name."""
    lines = []
    for name, limit in limits.monthly.items():
        kind, who = ("month", "") if name == MONTH else ("person", name)
        title = "all, this month" if name == MONTH else f"{name}, this month"
        lines.append(_money(title, limit, spent(kind, who)))
    for name, budget in limits.experiments.items():
        total = spent("experiment", name)
        if budget.cost is not None:
            lines.append(_money(f"experiment {name}", budget.cost, total))
        if budget.gpu_hours is not None:
            used = total.allocated
            state = _state(used, budget.gpu_hours)
            line = BudgetLine(f"experiment {name}", budget.gpu_hours, used, "GPU-hours", state)
            lines.append(line)
    return tuple(lines)


def _money(name: str, limit: float, total: Sum) -> BudgetLine:
    currencies = sorted(total.costs)
    if len(currencies) > 1:
        why = f"prices are in {' and '.join(currencies)}, and no rate is known"
        return BudgetLine(name, limit, 0.0, "", "not judged", why)
    used = sum(total.costs.values())
    unit = currencies[0] if currencies else ""
    state = _state(used, limit)
    if total.unpriced:
        why = f"{total.unpriced:.1f} GPU-hours in it are unpriced"
        return BudgetLine(
            name, limit, used, unit, "breached" if used > limit else "not judged", why
        )
    return BudgetLine(name, limit, used, unit, state)


def _state(used: float, limit: float) -> State:
    if used > limit:
        return "breached"
    return "near" if used >= _NEAR * limit and used > 0 else "kept"
