"""`recordings.json`: answers that were given, so that a pull request is judged without a model.

An answer counts as long as nothing that made it has changed: the question, agent.py, prompts and
sampling, and the model. What is expected of it may change freely.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlws_scaffold.adapters import documents, files
from mlws_scaffold.agents.catalog import Found
from mlws_scaffold.agents.evaluation import places
from mlws_scaffold.agents.evaluation.cases import Case, Cases
from mlws_scaffold.agents.evaluation.judging import Answer, Tried
from mlws_scaffold.errors import MlwsError, Unavailable

VERSION = 1


@dataclass(frozen=True, slots=True)
class Model:
    """Which model answered. The digest is empty where the server did not tell it."""

    name: str
    digest: str = ""
    fake: bool = False


@dataclass(frozen=True, slots=True)
class Recordings:
    """Answers by key, who gave them, and which (case, seed) each of them is of."""

    model: Model
    answers: Mapping[str, Answer]
    asked: Mapping[str, tuple[str, int]]


def makeup(found: Found) -> str:
    """A hash of what the team wrote that shapes answers: agent.py, prompts, sampling.

    tests/behaviour/test_behaviour.py of a production agent computes the same.
    """
    total = hashlib.sha256()
    prompts = found.folder / "prompts"
    read = [("agent.py", places.agent_file(found))]
    read += [
        (path.relative_to(found.folder).as_posix(), path)
        for path in sorted(prompts.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    ]
    try:
        for name, path in read:
            total.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    except OSError as error:
        raise MlwsError(f"{error.filename} cannot be read: {error.strerror}") from None
    config = documents.read(found.folder / "config.yaml").data
    sampling = config.get("sampling") if isinstance(config, dict) else None
    total.update(json.dumps(sampling, sort_keys=True).encode())
    return total.hexdigest()


def key(case: Case, seed: int, made: str) -> str:
    """What an answer is kept under."""
    asked = json.dumps([case.id, case.conversation, seed, made], ensure_ascii=False)
    return hashlib.sha256(asked.encode()).hexdigest()[:32]


def load(found: Found) -> Recordings | None:
    """Read the recorded answers; None without any. Raises MlwsError when they are broken."""
    path = places.folder(found) / places.RECORDINGS
    if not path.is_file():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        model = Model(str(data["model"]), str(data["digest"] or ""), bool(data["fake"]))
        answers = {
            name: Answer(str(one["text"]), float(one["seconds"]), str(one.get("failure", "")))
            for name, one in data["answers"].items()
        }
        asked = {
            name: (str(one["case"]), int(one["seed"])) for name, one in data["answers"].items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        cure = "record them again: mlws agent eval NAME --live"
        raise MlwsError(f"{path} cannot be read: {error!r:.200}", cure) from None
    return Recordings(model, answers, asked)


def save(found: Found, model: Model, tried: list[Tried]) -> Path:
    """Write the answers of a whole evaluation in place of those before."""
    made = makeup(found)
    answers: dict[str, dict[str, Any]] = {}
    for one in tried:
        for attempt in one.attempts:
            entry: dict[str, Any] = {"case": one.case.id, "seed": attempt.seed}
            entry |= {"seconds": round(attempt.answer.seconds, 3), "text": attempt.answer.text}
            if attempt.answer.failure:
                entry["failure"] = attempt.answer.failure
            answers[key(one.case, attempt.seed, made)] = entry
    data = {
        "version": VERSION,
        "agent": found.agent.name,
        "model": model.name,
        "digest": model.digest or None,
        "fake": model.fake,
        "answers": answers,
    }
    path = places.folder(found) / places.RECORDINGS
    files.write(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    return path


def require(found: Found, cases: Cases, model: str) -> Recordings:
    """The recordings when they answer every case, made by this model or the fake one.

    Raises Unavailable that names each answer that is missing or out of date.
    """
    name = found.agent.name
    cure = f"record them with a model server, and commit them: mlws agent eval {name} --live"
    recorded = load(found)
    if recorded is None:
        raise Unavailable(f"no answers of {name} are recorded", cure)
    if not recorded.model.fake and recorded.model.name != model:
        words = f"the recorded answers of {name} are of {recorded.model.name}, not of {model}"
        raise Unavailable(words, cure)
    made = makeup(found)
    known = set(recorded.asked.values())
    lost = [
        f"{case.id} (seed {seed}): {'out of date' if (case.id, seed) in known else 'missing'}"
        for case in cases.cases
        for seed in case.seeds
        if key(case, seed, made) not in recorded.answers
    ]
    if lost:
        raise Unavailable(
            f"recorded answers of {name} cannot be judged:\n  " + "\n  ".join(lost), cure
        )
    return recorded
