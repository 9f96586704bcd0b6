"""What a benchmark found, and the conditions it holds for. Times are in seconds.

What was not measured is None here and absent in the file, never zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from mlws_scaffold.models.benchmark.statistics import Ratio


@dataclass(frozen=True, slots=True)
class Figures:
    """With so many requests at the same time. latency: from sending to the last word.

    tokens_per_second: of one answer, by the server's clock; throughput: of all of them together,
    by ours (not measured while two models share the server).
    """

    concurrency: int
    samples: int
    latency_p50: float | None = None
    latency_p95: float | None = None
    first_token_p50: float | None = None
    first_token_p95: float | None = None
    tokens_per_second: float | None = None
    throughput: float | None = None


@dataclass(frozen=True, slots=True)
class Paired:
    """This model's time divided by the other's for the same prompt, next to each other."""

    concurrency: int
    pairs: int
    latency: Ratio | None = None
    first_token: Ratio | None = None
    tokens_per_second: Ratio | None = None


@dataclass(frozen=True, slots=True)
class Against:
    """The other model of a paired benchmark; its digest is `sha256:` and 64 hex digits."""

    name: str
    digest: str
    levels: tuple[Paired, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which prompts: `sha256` is that of their content."""

    name: str
    count: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark of one version. Its own figures are those of the fewest requests at a time.

    digest: `sha256:` and 64 hex digits. host: the server's machine; measured_from: ours. gpu_share:
    0 to 1. context: in tokens. load_seconds: by the server's clock.
    """

    key: str
    version: str
    name: str
    digest: str
    at: AwareDatetime
    host: str
    measured_from: str
    server_version: str
    runs: int
    prompts: Asked
    options: Mapping[str, float | int]
    levels: tuple[Figures, ...]
    gpu_share: float | None = None
    context: int | None = None
    load_seconds: float | None = None
    against: Against | None = None

    @property
    def concurrency(self) -> int:
        return self.levels[0].concurrency

    @property
    def latency_p50(self) -> float | None:
        return self.levels[0].latency_p50

    @property
    def latency_p95(self) -> float | None:
        return self.levels[0].latency_p95

    @property
    def first_token_p50(self) -> float | None:
        return self.levels[0].first_token_p50

    @property
    def first_token_p95(self) -> float | None:
        return self.levels[0].first_token_p95

    @property
    def tokens_per_second(self) -> float | None:
        return self.levels[0].tokens_per_second


_ADAPTER = TypeAdapter(Report)


def document(report: Report) -> dict[str, Any]:
    """The report as JSON has it: what is known, with the figures of the first level in front."""
    found: dict[str, Any] = _ADAPTER.dump_python(report, mode="json", exclude_none=True)
    levels, against = found.pop("levels"), found.pop("against", None)
    first = {key: value for key, value in levels[0].items() if key != "samples"}
    rest = {"levels": levels} if against is None else {"levels": levels, "against": against}
    return {key: _short(value) for key, value in {**found, **first, **rest}.items()}


def _short(value: Any) -> Any:
    """Numbers with the digits that mean something: nobody measures picoseconds."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


def parse(text: str | bytes) -> Report:
    """A report from its JSON. Raises ValueError saying what is wrong."""
    try:
        report = _ADAPTER.validate_python(json.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not report.levels:
        raise ValueError("levels: holds nothing")
    return report
