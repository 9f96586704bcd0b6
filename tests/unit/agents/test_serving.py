"""Serving an agent: the server of production around the prototype's own file."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import ollama
import pytest

from mlws_scaffold.agents import catalog
from mlws_scaffold.agents.serving import assembly, fake_model, serve
from mlws_scaffold.errors import MlwsError, UsageError
from mlws_scaffold.scaffold import bundle
from mlws_scaffold.workspace.layout import Layout
from tests.support import tiny_workspace
from tests.support.rendering import render

SERVER = bundle.folder() / "templates/agent/src/agent"


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    root = tiny_workspace.make(tmp_path / "ws")
    render("prototype", {"prototype_name": "helper"}, root / "agents/prototypes/helper")
    return Layout(root)


def test_the_package_is_the_server_with_the_prototypes_own_file(tmp_path: Path) -> None:
    agent = tmp_path / "helper"
    agent.mkdir()
    (agent / "agent.py").write_text("ANSWER = 1\n")
    made = assembly.assemble(SERVER, agent, tmp_path / "state/serving/helper")
    code = "import agent.agent, agent.settings; print(agent.agent.ANSWER, agent.__file__)"
    env = {**os.environ, "PYTHONPATH": str(made)}
    asked = [sys.executable, "-P", "-c", code]
    out = subprocess.run(asked, cwd=agent, env=env, capture_output=True, text=True, check=True)
    assert out.stdout == f"1 {made}/agent/__init__.py\n"
    (agent / "agent.py").write_text("ANSWER = 2\n")
    again = assembly.assemble(SERVER, agent, tmp_path / "state/serving/helper")
    assert (again / "agent/agent.py").read_text() == "ANSWER = 2\n"
    assert [path.name for path in again.parent.iterdir()] == ["helper"]


def test_a_prototype_without_its_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MlwsError, match="is missing"):
        assembly.assemble(SERVER, tmp_path, tmp_path / "place")
    assert not (tmp_path / "place").exists()


def test_an_agent_is_found_by_name_and_by_folder(place: Layout) -> None:
    for text in ("helper", "agents/prototypes/helper", "agents/prototypes/helper/"):
        assert catalog.find(place, text).agent.name == "helper"
    with pytest.raises(UsageError) as caught:
        catalog.find(place, "helpr")
    assert caught.value.cure == "did you mean 'helper'?"


def test_of_two_with_one_name_the_production_agent_is_meant(place: Layout) -> None:
    render("agent", {"agent_name": "helper"}, place.root / "agents/production/helper")
    assert catalog.find(place, "helper").track == "production"
    assert catalog.find(place, "agents/prototypes/helper").track == "prototype"


def test_the_fake_passes_through_the_official_client() -> None:
    with fake_model.running(seconds_a_word=0) as address:
        client = ollama.Client(address)
        asked = [{"role": "system", "content": "x"}, {"role": "user", "content": "good day"}]
        parts = [part.message.content for part in client.chat("fake", asked, stream=True)]
        whole = client.chat("fake", asked)
        assert [model.model for model in client.list().models] == ["fake:latest"]
    assert "".join(str(part) for part in parts) == whole.message.content
    assert whole.message.content == "This is a fake model. You said: good day"
    assert len(parts) > 3
    assert whole.eval_count == 9


def test_the_fake_streams_openais_form_with_usage_and_an_end() -> None:
    asked = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    asked["stream_options"] = {"include_usage": True}
    with fake_model.running(seconds_a_word=0) as address:
        request = urllib.request.Request(
            f"{address}/v1/chat/completions",
            json.dumps(asked).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            lines = [line.removeprefix("data: ") for line in answer.read().decode().split("\n\n")]
    assert lines[-2:] == ["[DONE]", ""]
    chunks = [json.loads(line) for line in lines[:-2]]
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks[:-1])
    assert said == "This is a fake model. You said: hi"
    assert chunks[-1]["usage"] == {
        "prompt_tokens": 1, "completion_tokens": 8, "total_tokens": 9,
    }  # fmt: skip


def test_a_port_in_use_is_refused_before_anything_starts(place: Layout) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wish = serve.Wish(model="fake", port=taken.getsockname()[1])
        with pytest.raises(UsageError, match="cannot be used"):
            serve.serve(place.root, catalog.find(place, "helper"), SERVER, wish, print)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_prototype_answers_until_it_is_told_to_stop(place: Layout, number: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("mlws"), "agent", "serve", "helper",
        "--model", "fake", "--port", str(port),
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=place.root, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = next(line for line in process.stderr if line.startswith("serving at"))
        assert said == f"serving at http://127.0.0.1:{port} (Ctrl-C ends it)\n"
        body = json.dumps({"model": "helper", "messages": [{"role": "user", "content": "hello"}]})
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/v1/chat/completions",
            body.encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            message = json.load(answer)["choices"][0]["message"]
        assert message["content"] == "This is a fake model. You said: hello"
        process.send_signal(number)
        process.wait(timeout=30)
    assert process.returncode == 0
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
