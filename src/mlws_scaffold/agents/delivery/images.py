"""Whether an image works before it is pushed, and is the attested one before it is deployed."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mlws_scaffold.adapters import process
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.operations import docker, image, smoke
from mlws_scaffold.agents.serving import fake_model
from mlws_scaffold.errors import MlwsError, Unavailable
from mlws_scaffold.workspace.config import Workspace

_SECONDS = 300.0
_KEY = "a-key-for-this-one-smoke-test"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ISSUER = "https://token.actions.githubusercontent.com"


def smoke_image(place: Workspace, found: Found, tag: str, say: Callable[[str], None]) -> int:
    """Run an image as it runs in production, with an echo for a model, and ask it from outside.

    It runs read-only, without privileges and on the host's network, so that it reaches the echo.
    Returns 0 when every step of the agent's smoke test passed for the version that lies here.
    Raises Unavailable without docker.
    """
    version = image.describe(place, found).version
    docker.require(place.root, compose=False)
    with tempfile.TemporaryDirectory(prefix="mlws-smoke-") as name, fake_model.running(0) as model:
        keys = Path(name) / "keys"
        keys.write_text(f"{_KEY}\n", encoding="utf-8")
        keys.chmod(0o644)  # the image's user is another one
        Path(name).chmod(0o755)
        port = _free_port()
        with _container(place.root, tag, _options(keys, port, model), say):
            return smoke.run(smoke.of_image(found, f"http://127.0.0.1:{port}", version, keys))


def verify(folder: Path, tag: str, digest: str, *, provenance: bool) -> None:
    """Raise MlwsError unless the registry holds `digest` under `tag`, signed by this workflow.

    `provenance`: GitHub's own attestation is asked for too. Raises Unavailable when the registry
    or a tool is away: what cannot be judged is not deployed.
    """
    if not _DIGEST.fullmatch(digest):
        raise MlwsError(f"{digest!r} is no digest", "it is an output of the job that pushed")
    asked = ["docker", "buildx", "imagetools", "inspect", tag, "--format", "{{.Manifest.Digest}}"]
    held = process.run(asked, folder, timeout=_SECONDS)
    if held.status:
        raise Unavailable(f"the registry did not say what {tag} is: {held.said}")
    if held.output.strip() != digest:
        raise MlwsError(
            f"{tag} is {held.output.strip()} in the registry, but {digest} was built",
            "somebody moved the tag: find out who, then release a new version",
        )
    subject = f"{_bare(tag)}@{digest}"
    _hold(folder, ["cosign", *_signed_by(os.environ), subject], f"no bill of materials of {tag}")
    if provenance:
        repository = os.environ.get("GITHUB_REPOSITORY", "")
        asked = ["gh", "attestation", "verify", f"oci://{subject}", "--repo", repository]
        _hold(folder, asked, f"no provenance of {tag}")


def _hold(folder: Path, command: list[str], otherwise: str) -> None:
    done = process.run(command, folder, timeout=_SECONDS)
    if done.status:
        raise MlwsError(f"{otherwise} is attested: {done.said}", "nothing unattested is deployed")


def _signed_by(variables: Mapping[str, str]) -> tuple[str, ...]:
    """What cosign must find: an attestation that this workflow made for this very tag."""
    server = variables.get("GITHUB_SERVER_URL", "https://github.com")
    workflow = variables.get("GITHUB_WORKFLOW_REF", "")
    return (
        *("verify-attestation", "--type", "cyclonedx", "--certificate-oidc-issuer", _ISSUER),
        *("--certificate-identity", f"{server}/{workflow}"),
    )


def _bare(tag: str) -> str:
    """The name without its tag; a registry's port is no tag."""
    head, slash, last = tag.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _options(keys: Path, port: int, model: str) -> tuple[str, ...]:
    environment = {
        "AGENT_HOST": "127.0.0.1",
        "AGENT_PORT": str(port),
        "AGENT_MODEL": fake_model.NAME,
        "OLLAMA_HOST": model,
    }
    given = [word for key, value in environment.items() for word in ("--env", f"{key}={value}")]
    return (
        *("--network", "host", "--read-only", "--tmpfs", "/tmp"),  # noqa: S108  in the container
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--volume", f"{keys}:/run/secrets/api_keys:ro", *given),
    )


@contextlib.contextmanager
def _container(
    folder: Path, tag: str, options: tuple[str, ...], say: Callable[[str], None]
) -> Iterator[None]:
    started = process.run(["docker", "run", "--detach", *options, tag], folder, timeout=_SECONDS)
    if started.status:
        raise MlwsError(f"{tag} does not start: {started.said}", "mlws agent build NAME")
    container = started.output.strip()
    try:
        yield
    finally:
        logs = process.run(["docker", "logs", container], folder, timeout=_SECONDS)
        say(f"what the container said:\n{logs.output}{logs.errors}")
        process.run(["docker", "rm", "--force", container], folder, timeout=_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
