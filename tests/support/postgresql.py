"""A real PostgreSQL server of the machine's own package, on a free port, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
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
    """Start a server in `folder`; its address. As root it runs as the user postgres."""
    home = programs()
    assert home is not None
    data = folder / "data"
    data.mkdir(parents=True)
    as_user: list[str] = []
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(data, user.pw_uid, user.pw_gid)
        for above in [folder, *folder.parents]:
            if above.stat().st_uid == 0 and above != Path("/"):
                above.chmod(above.stat().st_mode | 0o011)
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def call(*command: str | Path) -> None:
        subprocess.run(
            [*as_user, *map(str, command)],
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    call(home / "initdb", "-A", "trust", "-U", "mlws", "--no-sync", "-D", data)
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
    call(home / "pg_ctl", "-w", "-D", data, "-l", data / "log", "-o", options, "start")
    try:
        yield f"postgresql://mlws@127.0.0.1:{port}/postgres"
    finally:
        call(home / "pg_ctl", "-w", "-m", "immediate", "-D", data, "stop")
