"""A `docker` that keeps what deploy/compose.yaml describes on this machine, as plain processes.

What is real: HAProxy, the agents, the volume's files, and every Python program that the deployer
runs in a container. What is not: containers, images, and the names that Docker's DNS would know, so
addresses take their place. Usage as a program: `compose_host.py FOLDER docker-arguments…`.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlws_scaffold.adapters.daemons import Daemon

VOLUME = "/var/lib/haproxy"
LAB = Path(__file__).with_name("canary_lab") / "agent.py"


@dataclass(frozen=True, slots=True)
class Host:
    """The folder holds the volume, a folder for each service, images.json and calls.jsonl."""

    folder: Path

    @property
    def volume(self) -> Path:
        return self.folder / "volume"

    def daemon(self, service: str) -> Daemon:
        # Here: most calls need none, and a deployment makes a hundred of them.
        from mlws_scaffold.adapters.daemons import Daemon

        return Daemon(self.folder / service)

    def port(self, service: str) -> int:
        return int((self.folder / f"{service}.port").read_text())

    def calls(self, *first: str) -> list[dict[str, object]]:
        """What was asked of compose, by its first words."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        calls = [json.loads(line) for line in lines]
        return [call for call in calls if tuple(call["words"][: len(first)]) == first]

    def add_image(self, tag: str, version: str, commit: str) -> None:
        """An image as a registry or a build would have left it; its id is `sha256:VERSION`."""
        path = self.folder / "images.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**known, tag: {"version": version, "commit": commit}}))


def install(folder: Path, programs: Path) -> Host:
    """Put the stand-in on a PATH."""
    (folder / "volume").mkdir(parents=True)
    programs.mkdir()
    script = programs / "docker"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -I {__file__} {folder} "$@"\n')
    script.chmod(0o755)
    for service in ("agent-a", "agent-b"):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            (folder / f"{service}.port").write_text(str(probe.getsockname()[1]))
    return Host(folder)


def local(host: Host, text: str) -> str:
    """The same with this machine's paths and addresses in place of the containers'."""
    text = text.replace(VOLUME, str(host.volume)).replace("*:8080", f"127.0.0.1:{published()}")
    text = re.sub(r"(?ms)^frontend ops\n.*?(?=^\S|\Z)", "", text)
    text = re.sub(r"(?m)resolvers names init-addr \S+ resolve-prefer ipv4 ", "", text)
    for service in ("agent-a", "agent-b"):
        text = text.replace(f"{service}:8000", f"127.0.0.1:{host.port(service)}")
        text = text.replace(f"fqdn {service}", f"addr 127.0.0.1 port {host.port(service)}")
    return text


def published() -> str:
    return os.environ.get("PUBLISHED_PORT", "8080")


def up(host: Host, service: str) -> int:
    if service == "keeper":
        return 0
    if service == "proxy":
        wanted = local(host, (host.volume / "haproxy.cfg").read_text())
        (host.folder / "local.cfg").write_text(wanted)
        command = ["haproxy", "-W", "-db", "-f", str(host.folder / "local.cfg")]
    else:
        image = os.environ[f"AGENT_{service[-1].upper()}_IMAGE"]
        running = host.folder / f"{service}.image"
        if host.daemon(service).alive and running.read_text() != image:
            host.daemon(service).stop(10)
        running.write_text(image)
        version = image.removeprefix("sha256:")
        lab = os.environ["LAB_FOLDER"]
        command = [sys.executable, str(LAB), str(host.port(service)), version, lab]
    host.daemon(service).start(command, host.folder, os.environ)
    return 0


def execute(host: Host, service: str, words: list[str]) -> int:
    """A Python program in a container. Its relay to the proxy gets addresses, too."""
    if words[:3] == ["python", "-m", "agent.healthcheck"]:
        words = ["python", "-c", "import sys, urllib.request as u; u.urlopen(sys.argv[1])", READY]
    if service != "keeper" and not host.daemon(service).alive:
        sys.exit(f'service "{service}" is not running')
    words = [local(host, word) for word in words]
    if service != "keeper":
        words = [word.replace(":8000", f":{host.port(service)}") for word in words]
        if "--key-file" in words:
            place = words.index("--key-file")
            words[place : place + 2] = []
        os.environ["AGENT_METRICS_PORT"] = str(host.port(service))
    elif words[1] == "-c":
        return inside(host, words[2], words[2:])
    return subprocess.run([sys.executable, *words[1:]], check=False).returncode


def inside(host: Host, program: str, arguments: list[str]) -> int:
    """Run a program of the deployer in this process: starting another takes longer than it."""
    ports = [str(host.port(service)) for service in ("agent-a", "agent-b")]
    relays = arguments[1].endswith("admin.sock")
    sys.argv = arguments
    said, printed = io.TextIOWrapper(io.BytesIO()), sys.stdout
    if relays:
        asked = local(host, sys.stdin.read()).encode()
        sys.stdin, sys.stdout = io.TextIOWrapper(io.BytesIO(asked)), said
    exec(program, {})
    if relays:
        sys.stdout = printed
        answer = said.buffer.getvalue().decode()  # type: ignore[attr-defined]
        print(re.sub(rf"\b({'|'.join(ports)})\b", "8000", answer))
    return 0


READY = "http://127.0.0.1:8000/readyz"


def compose(host: Host, words: list[str]) -> int:
    verb, service = words[0], words[-1]
    if verb == "up":
        return up(host, service)
    if verb == "exec":
        return execute(host, words[2], words[3:])
    if verb == "run":  # haproxy -c -f /dev/stdin
        said = local(host, sys.stdin.read())
        return subprocess.run(words[words.index("haproxy") :], input=said, text=True).returncode
    if verb == "ps":
        if (host.folder / f"{service}.image").exists():
            print(f"container-{service}")
        return 0
    if verb == "rm":
        host.daemon(service).stop(20)
        (host.folder / f"{service}.image").unlink(missing_ok=True)
        return 0
    if verb == "logs":
        print(host.daemon(service).said())
        return 0
    return 0 if verb == "version" else 1


def inspect(host: Host, form: str, thing: str) -> int:
    if thing.startswith("container-"):
        service = thing.removeprefix("container-")
        running = "true" if host.daemon(service).alive else "false"
        print(running, 0, (host.folder / f"{service}.image").read_text())
        return 0
    images = json.loads((host.folder / "images.json").read_text())
    if thing not in images:
        sys.exit(f"Error: No such object: {thing}")
    print(images[thing]["commit"] if "revision" in form else f"sha256:{images[thing]['version']}")
    return 0


def main() -> int:
    host, words = Host(Path(sys.argv[1])), sys.argv[2:]
    if words[0] == "--host":
        words = words[2:]
    if words[:2] == ["compose", "--project-name"]:
        project, words = words[2], ["compose", *words[5:]]
        with (host.folder / "calls.jsonl").open("a") as log:
            log.write(json.dumps({"project": project, "words": words[1:]}) + "\n")
    if words[0] == "compose":
        return compose(host, words[1:])
    if words[0] == "build":
        given = dict(
            word.split("=", 1) for word in words if word.startswith(("VERSION", "REVISION"))
        )
        host.add_image(words[words.index("--tag") + 1], given["VERSION"], given["REVISION"])
        return 0
    if words[0] == "inspect":
        return inspect(host, words[2], words[3])
    sys.exit(f"the stand-in knows no docker {words[0]}")


if __name__ == "__main__":
    sys.exit(main())
