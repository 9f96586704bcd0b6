"""`mlws gpu status --host`: other machines over a stand-in for ssh that runs the command here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import fake_nvml, tiny_workspace

MLWS = Path(sys.executable).with_name("mlws")
# Its last but two word is the destination; `slow` and `down` are machines that do not answer.
SSH = """\
#!/bin/sh
while [ "$1" != -- ]; do shift; done
case "$2" in
    *down*) echo "ssh: connect to host down port 22: Connection refused" >&2; exit 255 ;;
    *slow*) sleep 1 ;;
    *bare*) export PATH=@BARE@ HOME=/nowhere ;;
esac
shift 2
exec "$@"
"""
SMI = """\
#!/bin/sh
case "$1" in
    --query-gpu*) echo "0, GPU-far, NVIDIA H100, 81559, 40000, 97, 61, 402.5"
                  echo "1, GPU-idle, NVIDIA H100, 81559, 3, 0, [N/A], [Not Supported]" ;;
    *) echo "GPU-far, $$, 39000" ;;
esac
"""
HOSTS = """\
[team.ann]
email = "researcher@example.org"
[gpus.hosts]
down = "ssh://down"
slow = "ssh://slow@slow:2222@HERE@"
slower = "ssh://slow@HERE@"
bare = "ssh://bare"
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("pynvml")
    bare, root = tmp_path / "bare", tmp_path / "here"
    for folder in ("lib", "bin", "bare"):
        (tmp_path / folder).mkdir()
    for file, text in (
        ("bin/ssh", SSH.replace("@BARE@", f"{bare}:/usr/bin:/bin")),
        ("bare/nvidia-smi", SMI),
    ):
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o755)
    tiny_workspace.make(root, config=HOSTS.replace("@HERE@", str(root)))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{MLWS.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(fake_nvml.build(tmp_path / "lib")))
    monkeypatch.setenv("FAKE_NVML_COUNT", "2")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def mlws(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["mlws", "gpu", *words], cwd=place, capture_output=True, text=True, check=False, timeout=120
    )


def test_each_machine_is_asked_and_fails_alone(place: Path) -> None:
    mlws(place, "status")
    assert mlws(place, "reserve", "--gpu", "0", "--for", "1h").returncode == 0
    done = mlws(place, "status", "--host", "all", "--json")
    assert done.returncode == 4, done.stderr
    down, slow, slower, bare = json.loads(done.stdout)["hosts"]
    assert "Connection refused" in down["failed"]
    for answered in (slow, slower):
        assert answered["failed"] is None
        assert answered["gpus"][0]["name"] == "NVIDIA Stub 9000"
        assert answered["gpus"][0]["reservation"]["person"] == "ann"
    first, second = bare["gpus"]
    assert (first["memory_total"], first["power"], first["busy"]) == (81559 * 2**20, 402.5, True)
    assert first["processes"][0]["memory"] == 39000 * 2**20
    assert (second["temperature"], second["power"], second["busy"]) == (None, None, False)


def test_the_others_do_not_wait_for_each_other(place: Path) -> None:
    began = time.monotonic()
    assert mlws(place, "status", "--host", "slow").returncode == 0
    one = time.monotonic() - began
    began = time.monotonic()
    assert mlws(place, "status", "--host", "slow", "--host", "slower").returncode == 0
    assert time.monotonic() - began < one + 0.9  # two sleeps of a second, at once


def test_a_gpu_of_another_machine_can_be_reserved_after_a_look(place: Path) -> None:
    shown = mlws(place, "status", "--host", "bare").stdout
    assert "NVIDIA H100 | 97 % | 39.1/79.6 GiB | 61 C | 402 W" in shown
    assert mlws(place, "reserve", "--gpu", "GPU-idle", "--for", "1h").returncode == 0
    assert "ann until" in mlws(place, "status", "--host", "bare").stdout


def test_an_unknown_host_is_refused_with_those_there_are(place: Path) -> None:
    refused = mlws(place, "status", "--host", "slwo")
    assert refused.returncode == 2
    assert "slow" in refused.stderr
