"""Laws of plan and sync over registries of any shape, and over what they become."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters import ollama
from mlws_scaffold.adapters.ollama import Shown
from mlws_scaffold.models.sync import execute, lockfile
from mlws_scaffold.workspace.config import Workspace
from tests.support import model_workspace as workspace
from tests.support.fake_ollama import FakeOllama, running

pytestmark = pytest.mark.slow

Models = Mapping[str, object]
PULLED = ("m:1", "n:1", "team/o")
OVERLAYS = (
    "",
    "SYSTEM Be brief.\n",
    "PARAMETER temperature 0.3\n",
    'PARAMETER stop "#"\nPARAMETER stop "<END>"\n',
    'TEMPLATE """{{ .Prompt }}"""\nMESSAGE user hi\nMESSAGE assistant ho\n',
    "LICENSE ours\n",
)


@st.composite
def registries(draw: st.DrawFn) -> dict[str, object]:
    """Up to seven entries: pulled, built on a model, on another entry, on a file; or open."""
    models: dict[str, object] = {}
    for number in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(("pulled", "built", "built", "built", "file", "open")))
        overlay = draw(st.sampled_from(OVERLAYS))
        base = draw(st.sampled_from((*PULLED, *(key for key in models if key != "open"))))
        models[f"k{number}"] = {
            "pulled": draw(st.sampled_from(PULLED)),
            "built": f"FROM {base}\n{overlay}",
            "file": f"FROM ./w{draw(st.integers(0, 1))}.gguf\n{overlay}",
            "open": {"source": "custom"},
        }[kind]
    opened = {key for key, value in models.items() if isinstance(value, dict)}
    return {
        key: value.replace(f"FROM {base}\n", "FROM m:1\n")
        if isinstance(value, str) and (base := value[5:].partition("\n")[0]) in opened
        else value
        for key, value in models.items()
    }


@contextlib.contextmanager
def _world(models: Models) -> Iterator[tuple[Workspace, FakeOllama]]:
    """A fresh machine, workspace and server; all that any of the models is made from is offered."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.dict(os.environ, XDG_STATE_HOME=str(folder / "state")))
        place = workspace.make(folder / "ws", models)
        for number in range(2):
            (place.root / f"modelfiles/w{number}.gguf").write_bytes(b"GGUF" + bytes([number]) * 9)
        fake = FakeOllama()
        for name in PULLED:
            fake.offer(name, licenses=(), parameters={"seed": 1})
        stack.enter_context(running(fake))
        yield place, fake


def _shown(fake: FakeOllama) -> dict[str, Shown | None]:
    """What each model is, apart from the name of what it was built from."""
    found = {name: ollama.show(fake.url, name) for name in fake.models}
    return {name: one and replace(one, parent="") for name, one in found.items()}


@settings(deadline=None, max_examples=15)
@given(registries(), st.randoms(use_true_random=False))
def test_after_a_sync_the_plan_is_empty_and_a_second_sync_changes_nothing(
    models: dict[str, object], chance: random.Random
) -> None:
    with _world(models) as (place, fake):
        assert workspace.sync(place, fake.url).ok
        planned = workspace.planned(place, fake.url)
        assert {step.state for step in planned.steps} <= {"up to date", "not buildable"}
        assert planned.drift == planned.leftovers == ()
        lock = lockfile.read(place.layout)
        before, first = len(fake.changes), _shown(fake)
        assert workspace.sync(place, fake.url).ok
        assert len(fake.changes) == before
        assert lockfile.read(place.layout) == lock
        assert set(lock) == {key for key, value in models.items() if isinstance(value, str)}
    shuffled = list(models.items())
    chance.shuffle(shuffled)
    with _world(dict(shuffled)) as (place, fake):
        assert workspace.sync(place, fake.url).ok
        assert _shown(fake) == first


@settings(deadline=None, max_examples=15)
@given(registries(), registries())
def test_what_a_server_becomes_does_not_depend_on_what_it_was(
    before: dict[str, object], after: dict[str, object]
) -> None:
    with _world(after) as (place, fake):
        assert workspace.sync(place, fake.url).ok
        wanted = _shown(fake)
    with _world(before) as (place, fake):
        assert workspace.sync(place, fake.url).ok
        workspace.write(place.root, after)
        report = workspace.sync(place, fake.url)
        assert report.ok, [result for result in report.results if not result.ok]
        assert workspace.planned(place, fake.url).drift == ()
        execute.remove(place, fake.url, [one.name for one in report.leftovers])
        # Under the name of an entry that says not how it is made, what is there stays.
        opened = {f"{key}:latest" for key, value in after.items() if isinstance(value, dict)}
        found = _shown(fake)
        assert {name: one for name, one in found.items() if name not in opened} == wanted
        assert workspace.planned(place, fake.url).drift == ()
        assert len([one for one in fake.changes if one.route == "pull"]) <= len(PULLED)
