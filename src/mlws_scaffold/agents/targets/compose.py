"""The target `compose`: two fixed slots and HAProxy on one Docker host, reached by `docker` alone.

The host may be far away (`[deploy.<env>] host = "ssh://…"`): everything goes through the engine's
own address. Journal, proxy configuration and admin socket lie in one volume; a container that does
nothing, the keeper, is where they are read and written, and whose lock keeps a second deployer out.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters import children, daemons, process
from mlws_scaffold.adapters.haproxy import config
from mlws_scaffold.adapters.haproxy.config import Proxy, Server
from mlws_scaffold.adapters.haproxy.runtime import Relayed, Runtime
from mlws_scaffold.agents import lock
from mlws_scaffold.agents.operations import docker, image, smoke, stack
from mlws_scaffold.agents.targets import inside, versions
from mlws_scaffold.agents.targets.slots import Slots
from mlws_scaffold.agents.targets.target import Release, Site, Wish
from mlws_scaffold.agents.watching import counters
from mlws_scaffold.agents.watching.counters import Counters
from mlws_scaffold.errors import MlwsError, Unavailable

FILE = "deploy/compose.yaml"
# As compose.yaml has them: the folder of the volume, the ports inside the network.
_VOLUME = Path("/var/lib/haproxy")
_PORT, _OPS_PORT, _AGENT_PORT = 8080, 8081, 8000
_PORTS = {"production": 8080, "staging": 8180}
_DNS = "127.0.0.11:53"
_SECONDS = 120.0
_PULL_SECONDS = 1800.0
_SMOKE_SECONDS = 300.0
# stop_grace_period of compose.yaml.
_GRACE_SECONDS = 45

_REVISION = '{{index .Config.Labels "org.opencontainers.image.revision"}}'


def target(site: Site) -> Slots:
    """The target of an agent on its Docker host."""
    return Slots(Host(site))


@dataclass(frozen=True, slots=True)
class Host:
    """The house whose slots are the services `agent-a` and `agent-b` of deploy/compose.yaml."""

    site: Site

    @property
    def project(self) -> str:
        """One for each agent and environment, so that both may share a host."""
        return f"{self.site.name}-{self.site.env}"

    def require(self) -> None:
        if not (self._folder / FILE).is_file():
            raise MlwsError(f"{self.site.name} has no {FILE}", "copier update brings it")
        done = process.run([*self._docker, "compose", "version"], self._folder, timeout=_SECONDS)
        if done.status:
            docker.require(self._folder, compose=True)
            raise Unavailable(f"docker has no compose plugin: {done.said}")

    @contextlib.contextmanager
    def alone(self, *, wait: bool) -> Iterator[None]:
        self._compose("up", "--detach", "--no-deps", "--no-recreate", "keeper")
        how = "wait" if wait else "try"
        words = self._in_keeper("-c", inside.LOCK, str(_VOLUME / "lock"), how)
        with daemons.holding(words, self._folder, self._environment()) as said:
            if said == "busy":
                raise BlockingIOError(f"{self.project} is locked")
            if said != "held":
                raise Unavailable(f"the lock of {self.project} cannot be asked for: {said}")
            yield

    def read(self, name: str) -> str | None:
        said = self._ask(self._in_keeper("-c", inside.READ, str(_VOLUME / name)))
        return said[1:] if said.startswith("+") else None

    def write(self, name: str, text: str) -> None:
        self._ask(self._in_keeper("-c", inside.WRITE, str(_VOLUME / name)), text)

    def find(self, wish: Wish) -> Release:
        return versions.find(self.site, wish)

    def make(self, release: Release, wish: Wish) -> Release:
        """Built on the host, or pulled to it; from then on it is named by its digest."""
        tag = self._tag(release)
        if wish.build:
            self._build(release, tag)
        elif self._inspect(tag, "{{.Id}}") is None:
            self.site.say(f"pulling {tag}")
            words = (*self._docker, "pull", "--quiet", tag)
            self._ask(words, seconds=_PULL_SECONDS)
        revision = self._inspect(
            tag, '{{index .Config.Labels "org.opencontainers.image.revision"}}'
        )
        if revision != release.commit:
            said = f"{tag} was built from {revision or 'nobody knows what'}, not {release.commit}"
            raise MlwsError(said, "mlws agent deploy --build, or another --version")
        # The image's own id, which no registry is needed for; it stays when the tag moves.
        return dataclasses.replace(release, digest=self._inspect(tag, "{{.Id}}") or "")

    def place(self, release: Release) -> Release:
        return release

    def server(self, slot: str, _release: Release | None) -> tuple[str, int]:
        return f"agent-{slot}", _AGENT_PORT

    def proxy(self, servers: tuple[Server, ...]) -> Proxy:
        return Proxy(
            listen_host="*",
            listen_port=_PORT,
            ops_port=_OPS_PORT,
            socket=_VOLUME / "admin.sock",
            servers=servers,
            resolvers=_DNS,
            ops_host="*",
            socket_mode=0o660,
        )

    def check(self, configuration: str) -> None:
        config.check(
            configuration, (*self._words, "run", "--rm", "--no-deps", "-T", "proxy", "haproxy")
        )

    def run_proxy(self) -> None:
        self._compose("up", "--detach", "--no-deps", "--no-recreate", "--wait", "proxy")

    def runtime(self) -> Runtime:
        return Runtime(Relayed(self._in_keeper(), str(_VOLUME / "admin.sock")))

    def start(self, release: Release) -> None:
        given = self._slot_environment(release)
        self._compose("up", "--detach", "--no-deps", "--no-build", f"agent-{release.slot}", **given)

    def alive(self, release: Release) -> bool:
        words = ("ps", "--all", "--quiet", f"agent-{release.slot}")
        container = self._ask((*self._words, *words)).strip()
        if not container:
            return False
        asked = "{{.State.Running}} {{.RestartCount}} {{.Image}}"
        return self._inspect(container, asked) == f"true 0 {release.digest}"

    def stop(self, release: Release) -> None:
        """The container goes, its image stays: that is what going back starts."""
        slot = f"agent-{release.slot}"
        self._compose("rm", "--stop", "--force", slot)

    def ready(self, release: Release) -> bool:
        words = (*self._words, "exec", "-T", f"agent-{release.slot}", "python", "-m")
        env = self._environment()
        with contextlib.suppress(Unavailable):
            asked = (*words, "agent.healthcheck")
            return children.ask(asked, self._folder, env, timeout=30).status == 0
        return False

    def smoke(self, release: Release) -> str:
        """The script travels on the input: the image has Python, and the key is its own."""
        script = (self._folder / smoke.SCRIPT).read_text(encoding="utf-8")
        words = (
            *(*self._words, "exec", "-T", f"agent-{release.slot}", "python", "-"),
            *(f"http://127.0.0.1:{_AGENT_PORT}", "--key-file", "/run/secrets/api_keys"),
            *("--version", release.version),
        )
        try:
            self._ask(words, script, seconds=_SMOKE_SECONDS)
        except MlwsError as error:
            return error.message
        return ""

    def counters(self, release: Release) -> Counters | None:
        words = (
            *self._words,
            "exec",
            "-T",
            f"agent-{release.slot}",
            "python",
            "-c",
            inside.METRICS,
        )
        with contextlib.suppress(MlwsError):
            return counters.parse(self._ask(words))
        return None

    def explain(self, release: Release) -> str:
        words = ("logs", "--no-log-prefix", "--tail", "5", f"agent-{release.slot}")
        return self._ask((*self._words, *words)).strip()

    @property
    def _folder(self) -> Path:
        return self.site.found.folder

    @property
    def _docker(self) -> tuple[str, ...]:
        host = self.site.stage.host
        return ("docker", "--host", host) if host else ("docker",)

    @property
    def _words(self) -> tuple[str, ...]:
        return (*self._docker, "compose", "--project-name", self.project, "--file", FILE)

    def _in_keeper(self, *words: str) -> tuple[str, ...]:
        return (*self._words, "exec", "-T", "keeper", "python", *words)

    def _tag(self, release: Release) -> str:
        registry = self.site.place.config.deploy.registry
        tag = f"{self.site.name}:{release.version.replace('+', '-')}"
        return f"{registry}/{tag}" if registry else tag

    def _build(self, release: Release, tag: str) -> None:
        made = image.describe(self.site.place, self.site.found, tag)
        if made.revision != release.commit:
            raise MlwsError(
                f"what lies here is {made.revision}, and {release.version} is {release.commit}",
                "build it from a checkout of its tag, or leave --build out",
            )
        lock.require_fresh(self.site.found.folder)
        with image.context(self.site.place, self.site.found, made) as folder:
            command = image.command(made, folder)
            words = (*self._docker, *command.words[1:])
            if docker.run(dataclasses.replace(command, words=words)):
                raise MlwsError(f"{tag} was not built", "docker says why above")

    def _inspect(self, thing: str, form: str) -> str | None:
        words = (*self._docker, "inspect", "--format", form, thing)
        done = children.ask(words, self._folder, self._environment(), timeout=_SECONDS)
        if done.status and "no such" not in done.errors.lower():
            raise Unavailable(f"the Docker engine does not answer: {done.said}")
        return done.output.strip() if done.status == 0 else None

    def _compose(self, *words: str, **given: str) -> None:
        env = {**self._environment(), **given}
        done = children.ask((*self._words, *words), self._folder, env, timeout=_PULL_SECONDS)
        if done.status:
            raise MlwsError(f"docker compose {words[0]} of {self.project} failed: {done.said}")

    def _ask(self, words: tuple[str, ...], said: str = "", seconds: float = _SECONDS) -> str:
        done = children.ask(words, self._folder, self._environment(), timeout=seconds, words=said)
        if done.status:
            raise Unavailable(f"{self.project} does not answer: {done.said}", "is it deployed?")
        return done.output

    def _environment(self) -> dict[str, str]:
        """What deploy/compose.yaml asks for; the slots' own variables only matter at a start."""
        given = dict(self.site.variables)
        port = self.site.stage.port or _PORTS[self.site.env]
        # A secret is mounted from the host's own disk.
        far = self.site.stage.host.startswith(("ssh://", "tcp://"))
        here = given.get("API_KEYS_FILE") or f"/etc/mlws/{self.project}/api_keys"
        keys = here if far else str(stack.keys(self._folder, given).absolute())
        return {
            **os.environ,
            **given,
            "PUBLISHED_PORT": str(port),
            "API_KEYS_FILE": keys,
            "AGENT_ENVIRONMENT": "production",
        }

    def _slot_environment(self, release: Release) -> dict[str, str]:
        slot = release.slot.upper()
        return {
            f"AGENT_{slot}_IMAGE": release.digest,
            f"AGENT_{slot}_VERSION": release.version,
            f"AGENT_{slot}_COMMIT": release.commit,
        }
