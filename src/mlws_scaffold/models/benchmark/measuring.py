"""One benchmark: who is asked what, under which conditions, and what came of it."""

from __future__ import annotations

import dataclasses
import itertools
import platform
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Held, Loaded
from mlws_scaffold.errors import MlwsError, UsageError, did_you_mean
from mlws_scaffold.models import hosts, registry
from mlws_scaffold.models.benchmark import asking, statistics
from mlws_scaffold.models.benchmark.asking import Level, Sample, Series, Watch
from mlws_scaffold.models.benchmark.prompts import Prompts
from mlws_scaffold.models.benchmark.report import Against, Asked, Figures, Paired, Report
from mlws_scaffold.models.registry import Registry
from mlws_scaffold.workspace import names
from mlws_scaffold.workspace.layout import Layout


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for.

    version: of a model that is kept as KEY:VERSION, instead of the one being worked on. against:
    another key, a kept version, or a name on the server; empty for none.
    """

    key: str
    host: str
    prompts: Prompts
    runs: int
    concurrency: tuple[int, ...] = (1,)
    version: str = ""
    against: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be measured: the models as the server holds them, `other` only when paired."""

    request: Request
    version: str
    model: Held
    other: Held | None
    server_version: str

    @property
    def requests(self) -> int:
        """Answers that count."""
        models = 1 if self.other is None else 2
        each = len(self.request.prompts.conversations) * self.request.runs
        return each * models * len(self.request.concurrency)


def prepare(layout: Layout, request: Request) -> Plan:
    """Look at the registry and the server, and change nothing.

    Raises UsageError for unknown names, MlwsError for a model that is not there, Unavailable.
    """
    known = registry.load(layout)
    model = registry.select(known, [request.key])[request.key]
    version = request.version or str(model.version or "unversioned")
    if problem := names.problem_with_version(version):
        raise UsageError(f"the version {version!r} of {request.key}: {problem}")
    held = ollama.held(request.host)
    name = model.name_in_ollama(request.key)
    if request.version and request.version != str(model.version):
        name = hosts.kept(request.key, request.version)
    found = _local(held, name, f"mlws model sync {request.key}")
    other = _other(known, held, request) if request.against else None
    if other is not None and other.name == found.name:
        raise UsageError(f"{found.name} cannot be paired with itself")
    return Plan(request, version, found, other, ollama.version(request.host))


def measure(plan: Plan, watch: Watch) -> Report:
    """Load, warm up, measure. Raises MlwsError for the first request that fails, Unavailable."""
    host, prompts = plan.request.host, plan.request.prompts
    models = [plan.model] if plan.other is None else [plan.model, plan.other]
    loading = [asking.warm_up(host, plan.model.name, prompts)]
    here = _in_memory(host, plan.model)
    if plan.other is not None:
        loading.append(asking.warm_up(host, plan.other.name, prompts))
    series = Series(host, tuple(model.name for model in models), prompts, plan.request.runs)
    if asking.loads_again(series, loading):
        _refuse_loading(plan)
        series = dataclasses.replace(series, swaps=True)
    levels = [
        asking.level(series, concurrency, step)
        for step in [_counted(watch, plan.requests)]
        for concurrency in plan.request.concurrency
    ]
    _unchanged(host, models)
    return Report(
        key=plan.request.key,
        version=plan.version,
        name=plan.model.name,
        digest=f"sha256:{plan.model.digest}",
        at=datetime.now(UTC).replace(microsecond=0),
        host=_machine(host),
        measured_from=platform.node(),
        server_version=plan.server_version,
        runs=plan.request.runs,
        prompts=Asked(prompts.name, len(prompts.conversations), prompts.sha256),
        options=asking.OPTIONS,
        levels=tuple(_figures(level) for level in levels),
        gpu_share=here.gpu_share if here else None,
        context=(here.context_length or None) if here else None,
        load_seconds=loading[0],
        against=_against(plan.other, levels) if plan.other else None,
    )


def _in_memory(host: str, model: Held) -> Loaded | None:
    """How the model lies in memory, if the server says so.

    Models on the same weights share what is loaded, and the server lists it under one name.
    """
    found = {one.name: one for one in ollama.loaded(host)}
    if model.name in found or not found:
        return found.get(model.name)
    weights = _weights(host, model.name)
    return next((one for one in found.values() if weights & _weights(host, one.name)), None)


def _weights(host: str, name: str) -> set[str]:
    shown = ollama.show(host, name)
    return set(shown.weights) if shown else set()


def _refuse_loading(plan: Plan) -> None:
    """Raises where every time would hold that of loading."""
    if plan.other is None:
        raise MlwsError(
            f"the server drops {plan.model.name} after each answer: every time would hold its "
            "loading",
            "raise OLLAMA_KEEP_ALIVE on the server",
        )
    if max(plan.request.concurrency) > 1:
        raise UsageError(
            "the server does not hold both models in memory at the same time",
            "measure them one request at a time: --concurrency 1",
        )


def _local(held: dict[str, Held], name: str, cure: str) -> Held:
    found = held.get(ollama.full_name(name))
    if found is None:
        raise MlwsError(f"the server does not hold {name}", cure)
    if found.remote:
        raise MlwsError(
            f"{name} is answered by another service, so its times say nothing of this server"
        )
    return found


def _other(known: Registry, held: dict[str, Held], request: Request) -> Held:
    """A key of the registry, a version that is kept of this model, or a name on the server."""
    text = request.against
    if text in known.models:
        name = known.models[text].name_in_ollama(text)
        return _local(held, name, f"mlws model sync {text}")
    for name in (hosts.kept(request.key, text), text):
        if ollama.full_name(name) in held:
            return _local(held, name, "")
    raise UsageError(
        f"--against: neither the registry nor the server has {text!r}",
        did_you_mean(text, {*known.models, *held}),
    )


def _counted(watch: Watch, total: int) -> Callable[[], None]:
    lock, done = threading.Lock(), itertools.count(1)

    def step() -> None:
        with lock:
            watch(next(done), total)

    return step


def _unchanged(host: str, models: Sequence[Held]) -> None:
    now = ollama.installed(host)
    for model in models:
        if now.get(model.name) != model.digest:
            raise MlwsError(
                f"{model.name} was replaced while it was measured", "run the benchmark again"
            )


def _machine(host: str) -> str:
    """The server's machine by the name that others know it by."""
    name = urlsplit(host).hostname or host
    is_here = name in ("localhost", "::1") or name.startswith("127.")
    return platform.node() if is_here else name


def _figures(level: Level) -> Figures:
    own = [answers[0] for answers in level.samples]
    latencies = [sample.latency for sample in own]
    first = [sample.first_token for sample in own]
    tokens = [sample.tokens for sample in own if sample.tokens]
    alone = all(len(answers) == 1 for answers in level.samples)
    return Figures(
        concurrency=level.concurrency,
        samples=len(own),
        latency_p50=statistics.p50(latencies),
        latency_p95=statistics.p95(latencies),
        first_token_p50=statistics.p50(first),
        first_token_p95=statistics.p95(first),
        tokens_per_second=statistics.p50(_present(sample.tokens_per_second for sample in own)),
        throughput=sum(tokens) / level.seconds if alone and len(tokens) == len(own) else None,
    )


def _against(other: Held, levels: Sequence[Level]) -> Against:
    paired = tuple(
        Paired(
            level.concurrency,
            len(level.samples),
            latency=_ratio(level, lambda sample: sample.latency),
            first_token=_ratio(level, lambda sample: sample.first_token),
            tokens_per_second=_ratio(level, lambda sample: sample.tokens_per_second),
        )
        for level in levels
    )
    return Against(other.name, f"sha256:{other.digest}", paired)


def _ratio(level: Level, value: Callable[[Sample], float | None]) -> statistics.Ratio | None:
    pairs = [(value(one), value(other)) for one, other in level.samples]
    return statistics.ratio([(a, b) for a, b in pairs if a is not None and b is not None])


def _present(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
