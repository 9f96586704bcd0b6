"""A desk for whoever acts in a workspace: its store with the tables, the limits, the machine."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator

from mlws_scaffold.errors import UsageError
from mlws_scaffold.gpus import store
from mlws_scaffold.gpus.reservations import reading
from mlws_scaffold.gpus.reservations.tables import TABLES
from mlws_scaffold.gpus.reservations.values import Actor, Desk, Gpu, Limits
from mlws_scaffold.gpus.store import Store
from mlws_scaffold.workspace.config import Config, Workspace

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def host() -> str:
    """This machine's name, without its domain."""
    return socket.gethostname().partition(".")[0]


@contextlib.contextmanager
def opened(place: Workspace) -> Iterator[Store]:
    """The store with the tables of reservations, for one who only looks."""
    with store.open(place) as found:
        store.migrate(found, TABLES)
        reading.remember(found, static_gpus(place.config))
        yield found


@contextlib.contextmanager
def desk(
    place: Workspace, researcher: str = "", say: Callable[[str], None] | None = None
) -> Iterator[Desk]:
    """A desk for the named member, else for the owner of the git e-mail. Raises UsageError."""
    from mlws_scaffold.adapters.git import Git
    from mlws_scaffold.workspace import people

    email = Git(place.root).setting("user.email")
    person, remark = people.acting(place.config, email, researcher)
    if remark and say:
        say(remark)
    leads = place.config.team[person].role == "lead"
    with opened(place) as found:
        yield Desk(found, limits(place.config), Actor(person, _login(), host(), leads))


def onlooker(place: Workspace, found: Store) -> Desk:
    """A desk for moving the queue on while looking: by nobody in particular."""
    return Desk(found, limits(place.config), Actor("", _login(), host()))


def _login() -> str:
    import getpass  # as dear as half of sqlite3; listing needs no name

    return getpass.getuser()


def limits(config: Config) -> Limits:
    """Those of `[gpus]`."""
    gpus = config.gpus
    return Limits(gpus.max_hours * 3600, gpus.max_gpus, gpus.horizon_days * 86400)


def static_gpus(config: Config) -> list[Gpu]:
    """The GPUs of `[gpus] static`: of this machine, for what no library can see."""
    return [
        Gpu(
            host(),
            given.uuid or f"static-{given.index}",
            given.index,
            given.name,
            size(given.memory) if given.memory else None,
        )
        for given in config.gpus.static
    ]


def size(text: str) -> int:
    """Bytes of `40GB`, `141 GB`, `80GiB`. Raises UsageError."""
    words = text.strip().upper().replace(" ", "")
    number = words.rstrip("BIKMGT")
    unit = words[len(number) :]
    try:
        value = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise UsageError(f"{text!r} is no size", "write it as 40GB or 80GiB") from None
    return int(value)
