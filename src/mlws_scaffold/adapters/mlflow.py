"""The tracking store of MLflow: whether it is there with the right schema, and making it so.

Looking needs no import of MLflow (seconds); creating and migrating do.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import importlib.util
import logging
import os
import re
import sqlite3
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlws_scaffold.errors import MlwsError

State = Literal["ready", "absent", "outdated", "newer", "unreadable", "unknown"]


@dataclass(frozen=True, slots=True)
class Store:
    """How a store was found. `unknown`: it is there, but this installation cannot judge it."""

    state: State
    detail: str


def is_installed() -> bool:
    """Whether this interpreter has MLflow with what a SQLite store needs."""
    parts = ("mlflow", "sqlalchemy", "alembic")
    return all(importlib.util.find_spec(name) is not None for name in parts)


def sqlite_file(uri: str, root: Path) -> Path | None:
    """File of a `sqlite:///` store, relative ones below the root; None for any other store."""
    if not uri.startswith("sqlite:///"):
        return None
    return root / uri.removeprefix("sqlite:///").partition("?")[0]


def look(uri: str, root: Path, timeout: float = 5.0) -> Store:
    """Examine the store. Changes nothing and never raises."""
    if uri.startswith(("http://", "https://")):
        return _look_at_server(uri, timeout)
    path = sqlite_file(uri, root)
    if path is None:
        return Store("unknown", f"{uri.partition(':')[0]} stores are not examined")
    return _look_at_file(path)


def prepare(uri: str, root: Path) -> str:
    """Create or migrate a SQLite store; says what was done. A migrated file is backed up first.

    Raises MlwsError, and ImportError where MLflow is missing.
    """
    path = sqlite_file(uri, root)
    found = look(uri, root)
    if path is None or found.state in ("ready", "unknown"):
        return found.detail
    if found.state == "unreadable":
        raise MlwsError(f"{path}: {found.detail}", "move the file away, then: mlws setup")
    if found.state == "newer":
        raise MlwsError(f"{path}: {found.detail}", "bring the environment in step: uv sync")
    if found.state == "absent":
        _create(path, root)
        return f"made at {path}"
    saved = _back_up(path)
    _open(f"sqlite:///{path}", root, migrate=True)
    return f"migrated; the old file is {saved.name}"


def _create(path: Path, root: Path) -> None:
    # Beside it and then moved: creating takes many seconds, and half a store is of no use.
    fresh = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        _open(f"sqlite:///{fresh}", root, migrate=False)
        # A run that started meanwhile may have made the store already.
        if not path.exists() or path.stat().st_size == 0:
            fresh.replace(path)
    except OSError as error:
        cure = "mend the folder's rights"
        raise MlwsError(f"{path} was not made: {error.strerror}", cure) from None
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def _open(uri: str, root: Path, *, migrate: bool) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        # The first client decides where artifacts lie: below its working folder.
        with contextlib.chdir(root):
            if migrate:
                from mlflow.db import commands

                commands.main(["upgrade", uri], standalone_mode=False)
            MlflowClient(tracking_uri=uri).search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise MlwsError(f"{uri}: {first}", "free space, or mend the folder's rights") from None


def _look_at_file(path: Path) -> Store:
    if not path.exists() or path.stat().st_size == 0:
        return Store("absent", f"no store at {path} yet")
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            tables = {row[0] for row in database.execute("select name from sqlite_master")}
            if "alembic_version" not in tables:
                return Store("unreadable", "is a SQLite file, but none of MLflow's")
            row = database.execute("select version_num from alembic_version").fetchone()
    except (sqlite3.Error, ValueError) as error:
        return Store("unreadable", f"cannot be read: {error}")
    current = str(row[0]) if row else ""
    known, newest = _revisions()
    if not newest:
        return Store("unknown", f"schema {current}; MLflow is not installed here to compare")
    if current == newest:
        return Store("ready", f"ready at {path}")
    if current in known or not current:
        return Store("outdated", f"schema {current or 'of no version'}, this MLflow needs {newest}")
    return Store("newer", f"schema {current} was made by another MLflow than this environment's")


def _look_at_server(uri: str, timeout: float) -> Store:
    try:
        asked = urllib.request.Request(f"{uri.rstrip('/')}/health")  # noqa: S310
        for name, value in _login().items():
            asked.add_unredirected_header(name, value)  # never to where a proxy sends us
        with urllib.request.urlopen(asked, timeout=timeout) as answer:  # noqa: S310
            words = answer.read(200).decode("utf-8", "replace").strip()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            wanted = "MLFLOW_TRACKING_USERNAME and _PASSWORD, or MLFLOW_TRACKING_TOKEN"
            return Store("unreadable", f"the server at {uri} refuses ({error.code}): set {wanted}")
        return Store("unreadable", f"no MLflow server at {uri}: {error.code} {error.reason}")
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        return Store("unreadable", f"no MLflow server at {uri}: {reason}")
    # A login page or a proxy answers 200 as well; the server says this one word.
    if words != "OK":
        return Store("unreadable", f"what answers at {uri} is no MLflow server")
    return Store("ready", f"the server at {uri} answers")


def _login() -> dict[str, str]:
    """The header that MLflow's own client would send: a name with a password wins over a token."""
    name, password, token = (
        os.environ.get(f"MLFLOW_TRACKING_{part}", "") for part in ("USERNAME", "PASSWORD", "TOKEN")
    )
    if name and password:
        pair = base64.b64encode(f"{name}:{password}".encode()).decode("ascii")
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _revisions() -> tuple[set[str], str]:
    """All schema revisions that the installed MLflow knows, and the newest one."""
    found = importlib.util.find_spec("mlflow")
    if found is None or not found.origin:
        return set(), ""
    known: set[str] = set()
    replaced: set[str] = set()
    versions = Path(found.origin).parent / "store/db_migrations/versions"
    for script in versions.glob("*.py"):
        text = script.read_text(encoding="utf-8")
        for word, value in re.findall(r"^(down_revision|revision)\b[^=\n]*=(.*)$", text, re.M):
            names = re.findall(r"[\"']([0-9a-f]+)[\"']", value)
            (known if word == "revision" else replaced).update(names)
    newest = known - replaced
    return known, newest.pop() if len(newest) == 1 else ""


def _back_up(path: Path) -> Path:
    target = path.with_name(f"{path.name}.before-migration")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.before-migration-{number}")
    try:
        with (
            contextlib.closing(sqlite3.connect(path)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise MlwsError(f"{path} was not backed up: {error}", "end the runs that use it") from None
    return target
