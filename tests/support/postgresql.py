"""A real PostgreSQL server of the machine's own package, on a free port, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


def programs() -> Path | None:
    """The folder that holds initdb and pg_ctl, which Debian keeps off PATH."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Start a server whose log lies in `folder`; its address. As root it is the user postgres."""
    home = programs()
    assert home is not None
    folder.mkdir(parents=True, exist_ok=True)
    # Not below pytest's folder, which every new session closes to other users.
    above = Path(tempfile.mkdtemp(prefix="mlws-postgresql-"))
    above.chmod(0o711)
    data = above / "data"
    data.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(data, user.pw_uid, user.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]

    def call(*command: str | Path) -> None:
        with (folder / "said").open("ab") as said:
            subprocess.run(
                [*as_user, *map(str, command)],
                cwd="/",
                check=True,
                stdout=said,
                stderr=said,
                timeout=180,
            )

    call(home / "initdb", "-A", "trust", "-U", "mlws", "--no-sync", "-D", data)
    control = [home / "pg_ctl", "-w", "-t", "120", "-D", data]
    try:
        for left in (2, 1, 0):
            port = _port()  # another program may take it before the server does
            options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
            try:
                call(*control, "-l", data / "log", "-o", options, "start")
                break
            except subprocess.SubprocessError:
                if not left:
                    raise
        try:
            yield f"postgresql://mlws@127.0.0.1:{port}/postgres"
        finally:
            call(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(above, ignore_errors=True)


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
