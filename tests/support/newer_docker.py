"""The plugins of docker, compose and buildx, and an engine with BuildKit, of a newer Debian.

Debian 12 has neither. They are kept in the cache; nothing of the machine's own packages is touched,
since apt is run with a state of its own.
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
_PACKAGES = ("docker-compose", "docker-buildx", "docker.io", "containerd")
_PLUGINS = ("docker-compose", "docker-buildx")
_PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2")
_KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def environment() -> dict[str, str]:
    """What makes `docker compose` and `docker buildx` work; skips where that cannot be had."""
    return {"DOCKER_CONFIG": str(_folder())}


def programs() -> Path:
    """The folder with the engine; skips the test where it cannot be had."""
    return _folder() / "bin"


def _folder() -> Path:
    folder = CACHE / "mlws-tests/docker"
    if not (folder / "bin").is_dir():
        _fetch(folder)
    return folder


def _fetch(target: Path) -> None:
    if shutil.which("apt-get") is None or not _KEYS.is_file():
        pytest.skip("this is no Debian to get a newer docker from")
    with tempfile.TemporaryDirectory(prefix="mlws-apt-") as name:
        folder = Path(name)
        options = _own_apt(folder)
        for command in (["update", "-qq"], ["download", "-qq", *_PACKAGES]):
            done = subprocess.run(
                ["apt-get", *options, *command], cwd=folder, capture_output=True, text=True,
                check=False, timeout=300,
            )  # fmt: skip
            if done.returncode:
                pytest.skip(f"a newer docker cannot be fetched: {done.stderr[-200:]}")
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder / "out"], check=True)
        made = folder / "made"
        for part, names in (("cli-plugins", _PLUGINS), ("bin", _PROGRAMS)):
            (made / part).mkdir(parents=True)
            for one in names:
                places = [path for path in (folder / "out").rglob(one) if path.is_file()]
                # Beside the plugin lies a script of its name; the program is the larger one.
                shutil.copy(max(places, key=lambda path: path.stat().st_size), made / part / one)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(made, target)


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
        pytest.skip("apt knows no mirror of Debian to get a newer docker from")
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
