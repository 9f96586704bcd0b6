"""Rules of the review list that a file answers: what a production agent shows its users."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mlws_scaffold.checks.check import Check, Result, judged, not_applicable
from mlws_scaffold.checks.projects import AgentProject, text_of
from mlws_scaffold.checks.target import Target
from mlws_scaffold.errors import Problem

_Gap = Callable[[str, str], Problem | None]

_NONE = "no production agent here, or none was touched"
_HEALTH = re.compile(r"^\s*HEALTHCHECK\s+(?!NONE\b)", re.IGNORECASE | re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*(```|~~~)[^\n]*\n(.*?)^[ \t]*\1", re.DOTALL | re.MULTILINE)
_MANIFESTS = "deploy/kubernetes"
_NAME_FILE = f"{_MANIFESTS}/components/name/kustomization.yaml"
_NAMES = re.compile(
    r"^(?:namePrefix:|\s+app\.kubernetes\.io/instance:)[ \t]*[\"']?([^\s\"'#]+)", re.MULTILINE
)
_NAMED = re.compile(r"^\s*-\s+\.\./\.\./components/name\s*(?:#.*)?$", re.MULTILINE)
_REQUEST = re.compile(r"/v1/|\bcurl\b|OpenAI\(|\brequests?\.post\(|\bhttpx2?\.")


class RequestShown(Check):
    """Whoever wants to use an agent tries the request in its README first.

    Show one that can be copied, in a code block: `curl …/v1/chat/completions`, or a few lines with
    a client library.
    """

    id, area, title = "AGT008", "agents", "the README of a production agent shows a request"

    def run(self, target: Target) -> Result:
        return _of_each(target, "README.md", _without_request)


class HealthChecked(Check):
    """An engine cannot tell a container that hangs from one that works unless the image says how.

    Bring HEALTHCHECK back into the Dockerfile: CMD ["python", "-m", "agent.healthcheck"].
    """

    id, area, title = "AGT009", "agents", "the image of a production agent checks its health"

    def run(self, target: Target) -> Result:
        return _of_each(target, "Dockerfile", _without_health)


class ManifestsNamed(Check):
    """Objects in a cluster belong to the agent whose name they carry; under another one a
    deployment takes that agent's place, or waits for something that never comes.

    components/name/kustomization.yaml says NAME- and NAME, and each overlay names that component.
    """

    id, area, title = "AGT010", "agents", "manifests for Kubernetes carry the agent's name"

    def run(self, target: Target) -> Result:
        agents = [one for one in target.asked_agents if one.track == "production"]
        if not agents:
            return not_applicable(_NONE)
        return judged(problem for one in agents for problem in _misnamed(target, one))


def _misnamed(target: Target, found: AgentProject) -> Iterator[Problem]:
    if not (target.root / found.folder / _MANIFESTS).is_dir():
        return  # it runs elsewhere
    path = f"{found.folder}/{_NAME_FILE}"
    text = text_of(target.root, path)
    if isinstance(text, Problem):
        yield text
        return
    given = [match[1] for match in _NAMES.finditer(text)]
    if given != [f"{found.name}-", found.name]:
        said = f"gives the name {', '.join(given) or 'nowhere'}"
        yield Problem(path, said, f"namePrefix: {found.name}- and the label {found.name}")
    for overlay in sorted((target.root / found.folder / _MANIFESTS / "overlays").glob("*/")):
        inside = f"{found.folder}/{_MANIFESTS}/overlays/{overlay.name}/kustomization.yaml"
        text = text_of(target.root, inside)
        if isinstance(text, Problem):
            yield text
        elif not _NAMED.search(text):
            yield Problem(
                inside, "leaves out the agent's name", "- ../../components/name, under components"
            )


def _of_each(target: Target, name: str, gap: _Gap) -> Result:
    agents = [one for one in target.asked_agents if one.track == "production"]
    if not agents:
        return not_applicable(_NONE)
    return judged(problem for one in agents for problem in _judge(target, one, name, gap))


def _judge(target: Target, found: AgentProject, name: str, gap: _Gap) -> list[Problem]:
    path = f"{found.folder}/{name}"
    if not (target.root / path).exists():  # AGT005 says it
        return []
    text = text_of(target.root, path)
    if isinstance(text, Problem):
        return [text]
    problem = gap(path, text)
    return [problem] if problem else []


def _without_request(path: str, text: str) -> Problem | None:
    if any(_REQUEST.search(block[2]) for block in _FENCE.finditer(text)):
        return None
    return Problem(path, "shows no request in a code block", "add one that can be copied")


def _without_health(path: str, text: str) -> Problem | None:
    if _HEALTH.search(text):
        return None
    return Problem(
        path, "has no HEALTHCHECK", 'HEALTHCHECK CMD ["python", "-m", "agent.healthcheck"]'
    )
