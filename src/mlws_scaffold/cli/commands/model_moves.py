"""How a promotion or a rollback of a model is shown."""

from __future__ import annotations

from typing import Any

from mlws_scaffold.cli import output
from mlws_scaffold.models.lifecycle.changing import Unfinished
from mlws_scaffold.models.lifecycle.stages import GateResult, Outcome

_WORDS = {"pass": "pass", "fail": "FAIL", "not applicable": "n/a"}


def show(outcome: Outcome, as_json: bool) -> int:
    """Print what became of it; the exit code."""
    for remark in outcome.remarks:
        output.note(f"note: {remark}")
    if as_json:
        output.json_document(_document(outcome))
    else:
        _print(outcome)
    if outcome.error is not None:
        output.failure(outcome.error)
        return outcome.error.exit_code
    return 0 if outcome.ok else 1


def _print(outcome: Outcome) -> None:
    where = f" on {outcome.host}" if outcome.host else ""
    version = f" {outcome.version}" if outcome.version else ""
    output.line(f"{outcome.key}{version}: {outcome.old or 'nothing'} -> {outcome.new}{where}")
    for gate in outcome.gates:
        _print_gate(gate)
    for words in outcome.done:
        output.line(f"  {'would: ' if outcome.dry else ''}{words}")
    if isinstance(outcome.error, Unfinished):
        output.line("stopped half way: the error says what is left to be brought back")
    elif not outcome.ok:
        output.line("stopped: registry, history and names on the server are as they were")
    elif outcome.dry:
        output.line("nothing was changed (--dry-run)")
    else:
        output.line("next: git commit models/")


def _print_gate(gate: GateResult) -> None:
    first, *more = gate.output or ("",)
    output.line(f"  {_WORDS[gate.result]:<4}  {gate.name:<17}  {first}  ({gate.seconds:.1f} s)")
    for text in more:
        output.line(f"        {text}")


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "model": outcome.key,
        "version": outcome.version,
        "from": outcome.old,
        "to": outcome.new,
        "host": outcome.host or None,
        "ok": outcome.ok,
        "dry_run": outcome.dry,
        "gates": [
            {**gate.record().model_dump(mode="json"), "output": list(gate.output)}
            for gate in outcome.gates
        ],
        "changes": list(outcome.done),
        "error": outcome.error.message if outcome.error else None,
    }
