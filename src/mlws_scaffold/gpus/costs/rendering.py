"""The report of costs as rows, JSON, CSV, Markdown and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from mlws_scaffold.adapters import plotting
from mlws_scaffold.adapters.plotting import Bar
from mlws_scaffold.gpus.costs.budgets import BudgetLine
from mlws_scaffold.gpus.costs.report import Report, Sum

NOT_MEASURED = "not measured"


def columns(report: Report) -> tuple[str, ...]:
    return (report.by, "runs", "gpu hours", "busy", "kWh", "cost", "unpriced hours")


def rows(report: Report) -> list[dict[str, str]]:
    """One row a line, and the total at the end."""
    listed = [(line.key, line.sum) for line in report.lines]
    return [
        dict(zip(columns(report), _cells(name, total), strict=True))
        for name, total in [*listed, ("total", report.total)]
    ]


def budget_rows(report: Report) -> list[dict[str, str]]:
    return [
        {
            "budget": one.name,
            "limit": _amount(one.limit, one.unit),
            "spent": _amount(one.spent, one.unit),
            "state": one.state.upper() if one.state == "breached" else one.state,
            "why": one.why,
        }
        for one in report.budgets
    ]


def remarks(report: Report) -> list[str]:
    """Everything beside the tables, a sentence each: unpriced, waste, agents, what is missing."""
    waste = report.waste
    unused = "not measured: the store holds no reservations"
    if waste.unused is not None:
        unused = f"{waste.unused:.1f} GPU-hours"
    return [
        *(
            f"unpriced: {hours:.1f} GPU-hours of {model} (add it to [[prices]])"
            for model, hours in report.unpriced.items()
        ),
        f"waste: idle while allocated {_idle(report)}; {waste.lost_runs} failed, killed or lost"
        f" runs {waste.lost:.1f} GPU-hours; reserved and not used {unused}",
        *(f"agent {name}: {NOT_MEASURED}: {why}" for name, why in report.agents.items()),
        *report.notes,
    ]


def document(report: Report) -> Mapping[str, object]:
    """The whole report for a machine; times in UTC, hours in GPU-hours."""
    waste = report.waste
    return {
        "since": report.since.isoformat() if report.since else None,
        "until": report.until.isoformat(),
        "by": report.by,
        "lines": [{"key": line.key, **_numbers(line.sum)} for line in report.lines],
        "total": _numbers(report.total),
        "unpriced": dict(report.unpriced),
        "budgets": [_budget(one) for one in report.budgets],
        "waste": {
            "idle_hours": waste.idle,
            "lost_hours": waste.lost,
            "lost_runs": waste.lost_runs,
            "unused_reserved_hours": waste.unused,
        },
        "agents": {name: {"hours": None, "why": why} for name, why in report.agents.items()},
        "notes": list(report.notes),
    }


def as_csv(report: Report) -> str:
    """The lines without the total; one column for each currency."""
    money = sorted(report.total.costs)
    heads = ["allocated_hours", "measured_hours", "busy_hours", "energy_kwh", "unpriced_hours"]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([report.by, "runs", *heads, *(f"cost_{one}" for one in money)])
    for line in report.lines:
        numbers = _numbers(line.sum)
        values = ["" if numbers[head] is None else f"{numbers[head]:.6g}" for head in heads]
        costs = [f"{line.sum.costs.get(one, 0.0):.2f}" for one in money]
        writer.writerow([_harmless(line.key), len(line.sum.runs), *values, *costs])
    return buffer.getvalue()


def as_markdown(report: Report) -> str:
    """A page for an issue or a wiki."""
    since = f"{report.since:%Y-%m-%d}" if report.since else "the beginning"
    parts = [f"# Cost from {since} to {report.until:%Y-%m-%d}", _table(rows(report))]
    if report.budgets:
        parts += ["## Budgets", _table(budget_rows(report))]
    parts.append("\n".join(f"- {remark}" for remark in remarks(report)))
    return "\n\n".join(parts) + "\n"


def picture(report: Report) -> str:
    """Bars of the cost, or of GPU-hours where it is not one currency that tells."""
    currencies = sorted(report.total.costs)
    money = len(currencies) == 1
    bars = [
        Bar(line.key, line.sum.costs.get(currencies[0], 0.0) if money else line.sum.allocated)
        for line in report.lines
    ]
    unit = currencies[0] if money else "GPU-hours"
    return plotting.bars_svg(f"Cost by {report.by}", unit, bars)


def _cells(name: str, total: Sum) -> tuple[str, ...]:
    busy = energy = NOT_MEASURED
    if total.measured:
        busy = f"{100 * total.busy / total.measured:.0f} %"
    if total.energy_hours:
        energy = f"{total.energy:.1f}"
    cost = ", ".join(_amount(total.costs[one], one) for one in sorted(total.costs))
    unpriced = f"{total.unpriced:.1f}" if total.unpriced else ""
    if not cost:
        cost = "unpriced" if total.unpriced else "0.00"
    return (name, str(len(total.runs)), f"{total.allocated:.1f}", busy, energy, cost, unpriced)


def _numbers(total: Sum) -> dict[str, float | None]:
    return {
        "runs": len(total.runs),
        "allocated_hours": total.allocated,
        "measured_hours": total.measured,
        "busy_hours": total.busy if total.measured else None,
        "energy_kwh": total.energy if total.energy_hours else None,
        "unpriced_hours": total.unpriced,
        **{f"cost_{currency}": amount for currency, amount in sorted(total.costs.items())},
    }


def _budget(one: BudgetLine) -> Mapping[str, object]:
    return {
        "name": one.name,
        "limit": one.limit,
        "spent": one.spent,
        "unit": one.unit,
        "state": one.state,
        "why": one.why,
    }


def _idle(report: Report) -> str:
    if not report.total.measured:
        return NOT_MEASURED
    return f"{report.waste.idle:.1f} GPU-hours"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.2f} {unit}".strip()


def _table(listed: Sequence[Mapping[str, str]]) -> str:
    heads = list(listed[0])
    lines = [heads, ["---"] * len(heads), *([row[head] or "-" for head in heads] for row in listed)]
    return "\n".join("| " + " | ".join(_flat(cell) for cell in line) + " |" for line in lines)


def _flat(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")


def _harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
