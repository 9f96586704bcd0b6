"""The fake server itself: what the protocol's tests do not ask a real one."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import ollama
import pytest

from mlws_scaffold.adapters import ollama as adapter
from mlws_scaffold.errors import Unavailable
from tests.support.fake_ollama import FakeOllama, Pace, Turn, running
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]


def _raw(url: str, path: str, body: Any) -> bytes:
    """The bytes of an answer as they are on the wire, chunks and all."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request("POST", path, json.dumps(body), {"Connection": "close"})
    answer = connection.getresponse()
    assert answer.fp is not None
    found = answer.fp.read()
    connection.close()
    return found


def _chunks(data: bytes) -> list[bytes]:
    found = []
    while data:
        size, _, rest = data.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        data = rest[int(size, 16) + 2 :]
    return found


def test_lines_and_chunks_have_nothing_to_do_with_each_other() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        chunks = _chunks(_raw(fake.url, "/api/pull", {"model": "m:1"}))
    assert chunks[-1] == b""
    assert any(not chunk.endswith(b"\n") for chunk in chunks[:-1])
    assert any(chunk.count(b"\n") > 1 for chunk in chunks)
    lines = b"".join(chunks).split(b"\n")
    assert json.loads(lines[-2]) == {"status": "success"}


def test_a_pull_is_told_as_the_real_server_tells_it() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        client = ollama.Client(fake.url)
        first = [part.model_dump(exclude_none=True) for part in client.pull("m:1", stream=True)]
        again = [part.model_dump(exclude_none=True) for part in client.pull("m:1", stream=True)]
        fake.offer("m:1", revision=2)
        moved = [part.status for part in client.pull("m:1", stream=True)]
    assert first[0] == {"status": "pulling manifest"}
    assert "completed" not in first[1]
    completed = [line["completed"] for line in first if line.get("total") == 1000 and len(line) > 3]
    assert completed == [400, 300, 1000]
    steps = [line["status"] for line in first if not line["status"].startswith("pulling")]
    assert steps == ["verifying sha256 digest", "writing manifest", "success"]
    # What is there already is told in one line for each layer.
    layers = [line for line in again if "digest" in line]
    assert all(line["completed"] == line["total"] for line in layers)
    assert len(layers) == len({line["digest"] for line in layers})
    assert moved[-2:] == ["removing unused layers", "success"]


def test_a_digest_is_that_of_the_manifest_and_every_blob_is_what_its_name_says() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        ollama.Client(fake.url).create("mine", from_="m:1", system="x", license=["a", "b"])
        for name, data in fake.store.manifests.items():
            assert fake.models[str(name)] == hashlib.sha256(data).hexdigest()
        for digest, data in fake.store.blobs.items():
            assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"


def test_the_order_of_parameters_is_random_and_that_of_a_list_is_not() -> None:
    with running() as fake:
        fake.offer("m:1", parameters={"a": 1, "b": 2, "c": 3, "stop": ["x", "y"]})
        fake.add("m:1")
        with httpx.Client(base_url=fake.url) as client:
            shown = [client.post("/api/show", json={"model": "m:1"}).json() for _ in range(20)]
    texts = {one["parameters"] for one in shown}
    assert len(texts) > 1
    assert all(text.index('"x"') < text.index('"y"') for text in texts)


def test_a_base_that_is_missing_is_pulled_within_a_build() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        client = ollama.Client(fake.url)
        told = [part.status for part in client.create("mine", from_="m:1", stream=True)]
        assert told[0] == "pulling manifest"
        assert told.count("success") == 1
        assert set(fake.models) == {"m:1", "mine:latest"}
        with pytest.raises(ollama.ResponseError, match="file does not exist") as caught:
            client.create("other", from_="gone:1")
        assert caught.value.status_code == 500


@pytest.mark.parametrize("seed", range(5))
def test_only_layers_that_nobody_uses_go(seed: int) -> None:
    """Whatever is built, copied and removed: what is needed is there, and nothing else."""
    chance = random.Random(seed)
    with running(FakeOllama(offered={"m:1", "m:2"})) as fake:
        client = ollama.Client(fake.url)
        for _ in range(25):
            names = [*fake.models] or ["m:1"]
            name, base = chance.choice(["a", "b", "c:1"]), chance.choice([*names, "m:1", "m:2"])
            action = chance.choice(["create", "copy", "delete"])
            if action == "create":
                client.create(name, from_=base, system=chance.choice(["", "x", "y"]))
            elif action == "copy" and base in fake.models:
                client.copy(base, name)
            elif base in fake.models:
                client.delete(base)
            assert fake.store.used() <= set(fake.store.blobs)
        # A copy over another name leaves that one's layers to the next start.
        fake.restart()
        assert fake.store.used() == set(fake.store.blobs)


def test_what_went_on_at_the_same_time_is_counted() -> None:
    fake = FakeOllama(offered={"a", "b", "c"})
    fake.pull_pace = 0.02
    with running(fake):
        threads = [threading.Thread(target=_pull, args=(fake.url, name)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert fake.record.most["pull"] == 3
    assert [one.changes for one in fake.record.requests] == [True] * 3
    assert sorted(one.name for one in fake.changes) == ["a", "b", "c"]


def _pull(url: str, name: str) -> None:
    for _ in adapter.pull(url, name):
        pass


def test_a_restart_loses_old_parts_and_what_is_in_memory() -> None:
    fake = FakeOllama(offered={"m:1"})
    fake.fail("reset", route="pull", nth=1, at=3)
    with running(fake):
        fake.add("here:1")
        adapter.load(fake.url, "here:1")
        with pytest.raises(adapter.ServerError):
            _pull(fake.url, "m:1")
        assert fake.store.partial
        fake.restart()
        assert fake.store.partial == {}
        assert adapter.loaded(fake.url) == []
        _pull(fake.url, "m:1")
    assert max(fake.downloads.fetched.values()) == 2


def test_room_is_taken_by_parts_and_given_back_by_removing() -> None:
    with running(FakeOllama(offered={"m:1"})) as fake:
        fake.store.room = 5000
        _pull(fake.url, "m:1")
        taken = sum(map(len, fake.store.blobs.values()))
        assert fake.store.room == 5000 - taken
        adapter.delete(fake.url, "m:1")
        assert fake.store.room == 5000


def test_a_fault_meets_the_request_that_it_names() -> None:
    with running() as fake:
        fake.add("m:1", "m:2")
        fault = fake.fail("500", route="show", name="M:1", nth=2)
        asks: list[Callable[[], Any]] = [
            lambda: adapter.show(fake.url, "m:1"),
            lambda: adapter.show(fake.url, "m:2"),
            lambda: adapter.version(fake.url),
        ]
        for ask in asks:
            ask()
        with pytest.raises(Unavailable, match="HTTP 500"):
            adapter.show(fake.url, "m:1")
        adapter.show(fake.url, "m:1")
        assert fault.seen == 3
        fake.fail("busy")
        fake.mend()
        assert adapter.version(fake.url)


@pytest.mark.parametrize(
    ("kind", "at", "done"),
    [
        ("reset", 0, False),
        ("500", 0, False),
        ("reset", 1, True),
        ("lost", 0, True),
        ("cut", 0, True),
    ],
)
def test_a_change_fails_before_it_is_made_or_after(kind: Any, at: int, done: bool) -> None:
    with running() as fake:
        fake.add("m:1")
        fake.fail(kind, route="copy", at=at)
        with pytest.raises(adapter.ServerError):
            adapter.copy(fake.url, "m:1", "m:2")
        assert ("m:2" in fake.models) is done


def test_a_body_that_is_no_object_is_refused() -> None:
    with running() as fake:
        assert httpx.post(f"{fake.url}/api/show", json=[1]).status_code == 400


def test_a_script_sees_what_the_model_would_see() -> None:
    turns: list[Turn] = []
    with running() as fake:
        fake.add("m:1")
        told = [{"role": "user", "content": "earlier"}]
        ollama.Client(fake.url).create(
            "mine", from_="m:1", system="Own.", messages=told, parameters={"top_k": 5}
        )

        def script(turn: Turn) -> str:
            turns.append(turn)
            return "yes"

        fake.script = script
        hello = [{"role": "user", "content": "now"}]
        adapter.chat(fake.url, "mine", hello, options={"seed": 1})
        adapter.chat(fake.url, "mine", [{"role": "system", "content": "Given."}, *hello])
        httpx.post(
            f"{fake.url}/v1/chat/completions",
            json={"model": "mine", "messages": hello, "temperature": 0.5, "seed": 2},
        )
        fake.script = {"now": "from the table"}
        assert adapter.chat(fake.url, "mine", hello).text == "from the table"
    assert [turn.system for turn in turns] == ["Own.", "Given.", "Own."]
    assert turns[0].messages == (("user", "earlier"), ("user", "now"))
    assert (turns[0].options["top_k"], turns[0].options["seed"]) == (5, 1)
    assert turns[2].options["temperature"] == 0.5


def test_a_model_that_loads_slowly_says_so() -> None:
    with running() as fake:
        fake.add("m:1")
        fake.engine.pace = Pace(load_seconds=0.2)
        cold = adapter.chat(fake.url, "m:1", [{"role": "user", "content": "a"}])
        warm = adapter.chat(fake.url, "m:1", [{"role": "user", "content": "b"}])
    assert cold.first_token_seconds >= 0.2
    assert (cold.load_seconds or 0) >= 0.2 > (warm.load_seconds or 0) > 0


def test_an_error_inside_the_completions_route_has_its_own_form() -> None:
    with running() as fake:
        answer = httpx.post(f"{fake.url}/v1/chat/completions", json={"model": "gone"})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "model 'gone' not found"


@contextmanager
def _process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "tests.support.fake_ollama", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_killed_server_keeps_its_parts_and_its_models(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    with _process("--state", state, "--offer", "m:1", "--hold", "here:1", "--pace", "0.1") as (
        process,
        url,
    ):
        lines = adapter.pull(url, "m:1")
        for line in lines:
            if line.completed == 400:
                break
        process.send_signal(signal.SIGKILL)
        with pytest.raises(adapter.ServerError, match="connection broke") as caught:
            list(lines)
        assert caught.value.again
    with _process("--state", state, "--offer", "m:1") as (_, url):
        assert list(adapter.installed(url)) == ["here:1"]
        lines_after = [line.completed for line in adapter.pull(url, "m:1") if line.total == 1000]
        assert lines_after == [1000]
        assert set(adapter.installed(url)) == {"here:1", "m:1"}


def test_a_client_that_leaves_is_noticed_while_nothing_is_sent() -> None:
    fake = FakeOllama()
    fake.add("m:1")
    fake.engine.pace = Pace(load_seconds=30)
    with running(fake):
        with pytest.raises(adapter.ServerError):
            adapter.chat(fake.url, "m:1", [{"role": "user", "content": "a"}], timeout=0.2)
        assert until(lambda: fake.record.cancelled == ["chat m:1"])
        assert fake.record.running["chat"] == 0
