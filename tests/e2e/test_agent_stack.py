"""`mlws agent build`, `up`, `smoke`, `down` with a real engine and compose; images are stand-ins.

The engine has no network of its own, so each service gets an address on the loopback instead: the
compose file, its ports and names stay as they are.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from mlws_scaffold.adapters.git import Git
from tests.support import compose_plugin, docker_engine, tiny_workspace
from tests.support.docker_engine import PYTHON, Engine
from tests.support.installation import UV, run
from tests.support.rendering import ROOT, render
from tests.support.template_repo import commit, write

pytestmark = pytest.mark.services

FOLDER = "agents/production/helper"
MLWS = Path(sys.executable).with_name("mlws")
REGISTRY = """\
models:
  small:
    source: ollama
    modelfile: modelfiles/small.Modelfile
    owners: [ann]
"""
TOOLS = ("prometheus", "prometheus-alertmanager")
TEXTS = "usr/share/prometheus/alertmanager"
# Files that `docker build` makes a stand-in of: what is copied, and how it starts.
STAND_INS = {
    "ollama/ollama:0.32.15": ("bin opt", '["python3", "/opt/ollama.py"]'),
    "prom/prometheus:v3.5.0": ("usr", '["/usr/bin/prometheus"]'),
    "prom/alertmanager:v0.28.1": ("usr", '["/usr/bin/prometheus-alertmanager"]'),
    "grafana/grafana:12.1.0": ("usr", '["sleep", "600"]'),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    with docker_engine.running() as started:
        yield started


@pytest.fixture(scope="module")
def environment(engine: Engine) -> dict[str, str]:
    path = f"{UV.parent}{os.pathsep}{os.environ['PATH']}"
    return {**engine.environment, **compose_plugin.environment(), "PATH": path}


@pytest.fixture(scope="module")
def addresses() -> dict[str, str]:
    """One loopback address for each service, so that no port of the machine is in the way."""
    net = f"127.{random.randint(10, 250)}.{random.randint(0, 250)}"
    names = ("ollama", "agent", "prometheus", "alertmanager")
    return {name: f"{net}.{number}" for number, name in enumerate(names, 10)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, addresses: dict[str, str]) -> Path:
    """A committed workspace with one production agent, its lock, its key, and our loopback."""
    alerts = '[alerts]\nreceiver = "webhook"\nto = "http://127.0.0.1:9/alerts"\n'
    folder = tmp_path_factory.mktemp("stack") / "ws"
    root = tiny_workspace.make(folder, config=alerts, registry=REGISTRY)
    answers = {"agent_name": "helper", "agent_framework": "plain", "agent_model": "small"}
    render("agent", answers, root / FOLDER)
    write(root, {
        ".gitignore": ".env\n.env.*\n",
        "modelfiles/small.Modelfile": "FROM tiny\n",
        "shared/tools/src/shared_tools/__init__.py": "ANSWER = 42\n",
        "shared/prompts/polite.md": "Be polite.\n",
        f"{FOLDER}/compose.override.yaml": _override(addresses),
    })  # fmt: skip
    run([UV, "lock", "--quiet"], root / FOLDER)
    keys = root / FOLDER / ".env.keys"
    keys.write_text("a-key-of-many-characters\n")
    keys.chmod(0o644)
    Git(root).run("init", "--quiet")
    commit(root, "Start")
    return root


def _override(addresses: dict[str, str]) -> str:
    hosts = [f"{name}:{address}" for name, address in addresses.items()]
    names = ("ollama", "model-pull", "agent", "prometheus", "alertmanager", "grafana")
    services: dict[str, Any] = {
        name: {"network_mode": "host", "extra_hosts": hosts} for name in names
    }
    services["ollama"]["environment"] = {"OLLAMA_HOST": f"{addresses['ollama']}:11434"}
    services["agent"]["environment"] = {"AGENT_HOST": addresses["agent"]}
    listen = f"--web.listen-address={addresses['prometheus']}:9090"
    services["prometheus"]["command"] = [
        "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus",
        "--enable-feature=expand-external-labels", listen,
    ]  # fmt: skip
    services["alertmanager"]["command"] = [
        "--config.file=/etc/alertmanager/alertmanager.yml", "--storage.path=/tmp/alertmanager",
        f"--web.listen-address={addresses['alertmanager']}:9093", "--cluster.listen-address=",
    ]  # fmt: skip
    # The tag means: leave out what the file before says.
    text = yaml.safe_dump({"services": services})
    for name in ("agent", "prometheus", "alertmanager", "grafana"):
        text = text.replace(f"  {name}:\n", f"  {name}:\n    ports: !reset []\n")
    return text


@pytest.fixture(scope="module")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    context = tmp_path_factory.mktemp("images")
    for part in ("bin", "opt", "usr/bin"):
        (context / part).mkdir(parents=True)
    for tool in TOOLS:
        shutil.copy(shutil.which(tool) or "", context / "usr/bin" / tool)
    # Debian's Alertmanager reads its own text for messages from there.
    shutil.copytree("/usr/share/prometheus/alertmanager", context / TEXTS)
    shutil.copy(ROOT / "src/mlws_scaffold/agents/serving/fake_model.py", context / "opt")
    shutil.copy(ROOT / "tests/support/stand_in_ollama.py", context / "opt/ollama.py")
    (context / "bin/ollama").write_text('#!/bin/sh\nexec python3 /opt/ollama.py "$@"\n')
    (context / "bin/ollama").chmod(0o755)
    for name, (parts, start) in STAND_INS.items():
        copies = "".join(f"COPY {part} /{part}/\n" for part in parts.split())
        copies = copies.replace("/bin/\n", "/usr/bin/\n")
        volume = "RUN mkdir -m 777 /prometheus\n" if "prometheus" in name else ""
        text = f"FROM {PYTHON}\n{copies}{volume}ENTRYPOINT {start}\nCMD ['serve']\n"
        (context / "Dockerfile").write_text(text.replace("['serve']", '["serve"]'))
        engine.run("build", "--network", "none", "--tag", name, ".", folder=context)


@pytest.fixture(scope="module")
def stack(
    root: Path, images: None, environment: dict[str, str], addresses: dict[str, str]
) -> Iterator[str]:
    """Everything started by one command; yields where the agent is."""
    up = [MLWS, "agent", "up", "helper", "--monitoring", "--", "--network", "host"]
    try:
        run(up, root, environment)
        yield f"http://{addresses['agent']}:8000"
    finally:
        run([MLWS, "agent", "down", "helper"], root, environment)


def test_the_agent_answers_with_the_model_that_the_registry_describes(
    stack: str, root: Path, environment: dict[str, str]
) -> None:
    keys = root / FOLDER / ".env.keys"
    smoke = [sys.executable, root / FOLDER / "tests/smoke/smoke.py", stack, "--key-file", keys]
    said = run([*smoke, "--version", "0.1.0", "--wait", "60"], root).output
    assert "passed: alive, ready, answers, refuses without a key" in said
    said = run([MLWS, "agent", "smoke", stack, "--key-file", keys], root, environment).output
    assert "passed" in said
    wrong = run([*smoke, "--version", "9.9.9"], root, status=1).output
    assert "expected 9.9.9" in wrong


def test_shared_code_and_prompts_are_in_the_image(stack: str, engine: Engine, root: Path) -> None:
    prompt = "open('/app/shared/prompts/polite.md').read()"
    code = f"import shared_tools; print(shared_tools.ANSWER, {prompt})"
    said = engine.run("run", "--rm", "--network", "none", "helper:0.1.0", "python", "-c", code)
    assert said == "42 Be polite."
    labels = json.loads(
        engine.run("inspect", "--format", "{{json .Config.Labels}}", "helper:0.1.0")
    )
    kind = "org.opencontainers.image"
    assert labels[f"{kind}.revision"] == Git(root).commit_of("HEAD")
    assert labels[f"{kind}.title"] == "helper"
    assert labels[f"{kind}.version"] == "0.1.0"
    assert labels[f"{kind}.description"]


def test_the_containers_can_do_no_more_than_they_need(stack: str, engine: Engine) -> None:
    template = "{{json .HostConfig}}"
    agent = json.loads(engine.run("inspect", "--format", template, "helper-agent-1"))
    assert agent["ReadonlyRootfs"] is True
    assert agent["CapDrop"] == ["ALL"]
    assert agent["Memory"] == 512 * 2**20
    for name in ("ollama", "prometheus", "alertmanager", "grafana"):
        told = json.loads(engine.run("inspect", "--format", template, f"helper-{name}-1"))
        assert (told["CapDrop"], told["Privileged"]) == (["ALL"], False)


def test_prometheus_sees_the_agent_and_evaluates_its_rules(
    stack: str, addresses: dict[str, str]
) -> None:
    base = f"http://{addresses['prometheus']}:9090/api/v1"
    assert _eventually(lambda: _value(base, 'agent_ready{job="agent"}')) == 1
    assert _eventually(lambda: _value(base, "agent:slo_latency_p95_seconds")) == 30
    groups = _get(f"{base}/rules")["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}
    managers = _eventually(lambda: _get(f"{base}/alertmanagers")["data"]["activeAlertmanagers"])
    assert managers
    status = f"http://{addresses['alertmanager']}:9093/api/v2/status"
    told = _eventually(lambda: _get(status))
    assert "receiver: team" in told["config"]["original"]


def _get(url: str) -> Any:
    with urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _value(base: str, query: str) -> float | None:
    found = _get(f"{base}/query?query={quote(query)}")["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def _eventually(ask: Any) -> Any:
    """The first answer that is one; rules and scrapes take up to half a minute."""
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        time.sleep(1)
    return None


def test_down_leaves_no_container(
    stack: str, root: Path, environment: dict[str, str], engine: Engine
) -> None:
    run([MLWS, "agent", "down", "helper"], root, environment)
    assert engine.run("ps", "--all", "--quiet") == ""
    assert "helper_ollama" in engine.run("volume", "ls", "--quiet")
