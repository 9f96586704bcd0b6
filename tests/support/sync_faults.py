"""Each request of a sync goes wrong once, in every way and at every line; or its process is killed.

After that the next sync has to converge: the server holds what an undisturbed sync makes, the plan
is empty, and on the way nothing that is not right was called so.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Shown
from mlws_scaffold.errors import MlwsError
from mlws_scaffold.models.sync.record import Record
from mlws_scaffold.models.sync.server import Patience
from mlws_scaffold.workspace.config import load
from tests.support import model_workspace
from tests.support.fake_ollama import Asked, FakeOllama, running
from tests.support.fake_ollama.record import Record as Requests

BEFORE = {
    "base": "m:1",
    "mine": "FROM m:1\nPARAMETER temperature 0.3\n",
    "top": "FROM mine\nSYSTEM Be brief.\n",
    # Ollama converts these weights, so nothing on the server tells that they are the right ones.
    "tuned": "FROM ./weights\nSYSTEM Be kind.\n",
}
AFTER = {**BEFORE, "mine": "FROM m:1\nPARAMETER temperature 0.7\n"}
SCENARIOS = ("fresh", "change")
# Whatever the request is. `lost`: it is done, and half of the answer arrives.
WHOLE = ("reset", "silence", "500", "html", "lost")
# In a stream, before each line.
STREAMED = ("cut", "truncated", "inline", "stall")
SILENT = ("silence", "stall")


@dataclass
class Tally:
    """Points tried and converged, by kind; what went wrong, in words."""

    tried: Counter[str] = field(default_factory=Counter)
    converged: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def note(self, kind: str, wrong: str) -> None:
        self.tried[kind] += 1
        self.converged[kind] += not wrong
        self.wrong += [wrong] if wrong else []

    def __str__(self) -> str:
        return f"points tried {self.tried.total()}, converged {self.converged.total()}"


class Scenario:
    """What a workspace and a server are like before the sync that is disturbed.

    fresh: nothing is there. change: all is there, and one Modelfile says something else now.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        folder.mkdir(exist_ok=True)
        self.place = model_workspace.make(folder / "ws", BEFORE)
        self._folder = folder
        self._entries: Mapping[str, object] = {}
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[object, bytes] = {}
        weights = self.place.root / "modelfiles/weights"
        weights.mkdir()
        (weights / "model.safetensors").write_bytes(bytes(100))
        (weights / "config.json").write_text("{}")
        if name == "change":
            with self.begun() as fake:
                assert model_workspace.sync(self.place, fake.url).ok
                self._blobs, self._manifests = dict(fake.store.blobs), dict(fake.store.manifests)
                self._entries = Record(self.place.root, fake.url).entries
            model_workspace.write(self.place.root, AFTER)
        with self.begun() as fake:
            self.before = _shown(fake)
            fake.record.requests.clear()
            assert model_workspace.sync(self.place, fake.url).ok
            self.requests: list[Asked] = list(fake.record.requests)
            self.wanted = _shown(fake)

    @contextlib.contextmanager
    def begun(self) -> Iterator[FakeOllama]:
        """The server and this machine's state as they are at the beginning."""
        fake = FakeOllama()
        fake.offer("m:1", licenses=(), parameters={})
        fake.downloads.steps = (0.0, 0.5, 1.0)
        fake.store.blobs.update(self._blobs)
        for name, manifest in self._manifests.items():
            fake.store.put_manifest(name, manifest)
        (self.place.root / "models/models.lock").unlink(missing_ok=True)
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(tempfile.TemporaryDirectory(dir=self._folder))
            stack.enter_context(mock.patch.dict(os.environ, XDG_STATE_HOME=home))
            stack.enter_context(running(fake))
            if self._entries:
                Record(self.place.root, fake.url).put(self._entries)
            yield fake

    def wrong_after(self, fake: FakeOllama) -> str:
        """What the disturbed sync claims and is not so, or what the next one leaves undone."""
        held, models = _shown(fake), fake.models
        for name, entry in Record(self.place.root, fake.url).entries.items():
            if entry.pending:
                continue
            if models.get(name) != entry.digest:
                return f"{name} is recorded, and is not there"
            if held[name] not in (self.wanted[name], self.before.get(name)):
                return f"{name} is recorded, and is not right"
        report = model_workspace.sync(self.place, fake.url)
        if not report.ok:
            return f"the next sync: {[one for one in report.results if not one.ok]}"
        if _shown(fake) != self.wanted:
            return "the server holds something else"
        if drift := model_workspace.planned(self.place, fake.url).drift:
            return f"still open: {drift}"
        return ""


def faults(scenario: Scenario, kinds: tuple[str, ...], tally: Tally) -> None:
    """Each request, and in streams each line, with each of the kinds."""
    for number, asked in enumerate(scenario.requests, 1):
        is_stream = asked.route in ("pull", "create")
        for kind in kinds:
            if kind in STREAMED:
                # One line further each time, until the stream is over before the fault comes.
                lines = itertools.takewhile(
                    lambda at, kind=kind, number=number: _fails(
                        scenario, kind, (number, at), tally
                    ),
                    itertools.count(),
                )
                for _ in lines if is_stream else ():
                    pass
            elif kind != "lost" or not is_stream:
                _fails(scenario, kind, (number, 0), tally)


def kills(scenario: Scenario, tally: Tally) -> None:
    """The process is killed when each request arrives, and at each line of a pull."""
    for number in range(1, len(scenario.requests) + 1):
        _killed(
            scenario, f"request {number}", lambda fake, kill, at=number: _on(fake, at, kill), tally
        )
    for line in itertools.count(1):
        count = itertools.count(1)

        def at_line(fake: FakeOllama, kill: Callable[[], None]) -> None:
            fake.downloads.pause = lambda: kill() if next(count) == line else None  # noqa: B023

        if not _killed(scenario, f"line {line}", at_line, tally):
            return


def _fails(scenario: Scenario, kind: str, place: tuple[int, int], tally: Tally) -> bool:
    """Whether the fault was felt."""
    number, at = place
    for patience in (_short(0.15), _short(0.6), _short(3.0)) if kind in SILENT else (_short(30.0),):
        with scenario.begun() as fake:
            fault = fake.fail(kind, nth=number, at=at)  # type: ignore[arg-type]
            felt = True
            with contextlib.suppress(MlwsError):
                felt = not model_workspace.sync(scenario.place, fake.url, patience=patience).ok
            fake.mend()
            if fault.seen < number:
                continue  # a busy machine was taken for a silent server before
            wrong = scenario.wrong_after(fake)
            break
    else:
        raise AssertionError("the sync asks otherwise than the undisturbed one")
    if kind in STREAMED and not felt and not wrong:
        return False  # the stream was over before the fault could come
    where = f"{scenario.name}, request {number} ({scenario.requests[number - 1]}), line {at}"
    tally.note(kind, wrong and f"{kind} at {where}: {wrong}")
    return felt


def _killed(
    scenario: Scenario,
    where: str,
    arm: Callable[[FakeOllama, Callable[[], None]], None],
    tally: Tally,
) -> bool:
    """Whether the process was killed before it ended by itself."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.sync_faults", "httpx", "ollama"])
    started = threading.Event()
    process: list[BaseProcess] = []

    def kill() -> None:
        started.wait(30)
        os.kill(process[0].pid or 0, signal.SIGKILL)

    with scenario.begun() as fake:
        arm(fake, kill)
        arguments = (str(scenario.place.root), fake.url, os.environ["XDG_STATE_HOME"])
        process.append(context.Process(target=_sync_there, args=arguments))
        process[0].start()
        started.set()
        process[0].join()
        if process[0].exitcode != -signal.SIGKILL:
            return False
        fake.downloads.pause = lambda: None
        fake.record = Requests()
        wrong = scenario.wrong_after(fake)
    tally.note("kill -9", wrong and f"killed at {scenario.name}, {where}: {wrong}")
    return True


def _short(seconds: float) -> Patience:
    return Patience(stall=seconds, answer=seconds, pauses=())


def _on(fake: FakeOllama, number: int, kill: Callable[[], None]) -> None:
    class Watched(Requests):
        def note(self, asked: Asked) -> None:
            super().note(asked)
            if len(self.requests) == number:
                kill()

    fake.record = Watched()


def _sync_there(root: str, host: str, home: str) -> None:
    os.environ["XDG_STATE_HOME"] = home
    model_workspace.sync(load(Path(root), {}), host)


def _shown(fake: FakeOllama) -> dict[str, Shown | None]:
    """What each model is, apart from the name it was built from."""
    found = {name: ollama.show(fake.url, name) for name in fake.models}
    return {name: one and replace(one, parent="") for name, one in found.items()}
