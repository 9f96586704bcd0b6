"""The compose plugin of docker: the machine's own, else that of a newer Debian, kept in the cache.

Debian 12 has no second version of it. Nothing of the machine's own packages is touched: apt is run
with a state of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.conftest import CACHE

_RELEASE = "trixie"
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def environment() -> dict[str, str]:
    """What makes `docker compose` work; skips the test where that cannot be had."""
    own = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if own.returncode == 0:
        return {}
    folder = CACHE / "mlws-tests/docker"
    plugin = folder / "cli-plugins/docker-compose"
    if not plugin.is_file():
        _fetch(plugin)
    return {"DOCKER_CONFIG": str(folder)}


def _fetch(plugin: Path) -> None:
    if shutil.which("apt-get") is None or not _KEYS.is_file():
        pytest.skip("docker has no compose plugin, and this is no Debian to get one from")
    with tempfile.TemporaryDirectory(prefix="mlws-apt-") as name:
        folder = Path(name)
        options = _own_apt(folder)
        for command in (["update", "-qq"], ["download", "-qq", "docker-compose"]):
            done = subprocess.run(
                ["apt-get", *options, *command], cwd=folder, capture_output=True, text=True,
                check=False, timeout=300,
            )  # fmt: skip
            if done.returncode:
                pytest.skip(f"the compose plugin cannot be fetched: {done.stderr[-200:]}")
        package = next(folder.glob("docker-compose_*.deb"))
        subprocess.run(["dpkg", "-x", package, folder / "out"], check=True)
        found = next((folder / "out").rglob("cli-plugins/docker-compose"))
        plugin.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, plugin.with_suffix(".new"))
        plugin.with_suffix(".new").chmod(0o755)
        plugin.with_suffix(".new").rename(plugin)


def _own_apt(folder: Path) -> list[str]:
    asked = [
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(COMPONENT)",
        "Created-By: Packages",
    ]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")
    mirrors = [line.split()[0] for line in listed if line.endswith(" main")]
    if not mirrors:
        pytest.skip("docker has no compose plugin, and apt knows no mirror of Debian")
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    source = f"deb [signed-by={_KEYS}] {mirrors[0]} {_RELEASE} main\n"
    (folder / "sources.list").write_text(source)
    settings = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
