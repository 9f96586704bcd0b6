"""`mlws gpu` from outside: what a person types, sees and gets back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlws_scaffold.adapters import children
from tests.unit.gpus.conftest import MLWS, mlws

TEAM = '[team.ann]\nemail = "researcher@example.org"\n[team.ben]\n'
SHOW = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['CUDA_DEVICE_ORDER'])"


def test_a_gpu_is_one_line_with_its_reservation_beside_it(place: Path) -> None:
    assert mlws(place, "reserve", "--gpu", "1", "--for", "4h").returncode == 0
    first, second = mlws(place, "status").stdout.splitlines()
    assert first.startswith("[0] NVIDIA Stub 9000 | ? % | 1.0/80.0 GiB")
    assert first.endswith("free")
    assert "ann until" in second
    shape = json.loads(mlws(place, "status", "--json").stdout)
    assert [gpu["busy"] for gpu in shape["gpus"]] == [False, True]
    assert shape["gpus"][0]["temperature"] is None


def test_a_waiting_model_of_another_user_is_busy_and_named(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert mlws(place, "reserve", "--gpu", "0", "--for", "10m").returncode == 0
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        if os.geteuid() == 0:
            sleeper.kill()
            sleeper.wait()
            sleeper = subprocess.Popen(["sleep", "600"], user="nobody")
        monkeypatch.setenv("FAKE_NVML_PID", str(sleeper.pid))
        shape = json.loads(mlws(place, "status", "--json").stdout)
    finally:
        sleeper.kill()
        sleeper.wait()
    first = shape["gpus"][0]
    assert (first["utilisation"], first["busy"], first["power"]) == (0, True, 70.4)
    assert first["processes"][0]["memory"] == 40 * 2**30
    notices = " ".join(shape["notices"])
    assert "ends in" in notices
    if os.geteuid() == 0:
        assert first["processes"][0]["user"] == "nobody"
        assert "nobody works there, ann has it reserved" in notices


def test_a_vanished_process_of_unknown_size_is_still_shown(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PID", "4194303"), ("NO_SIZE", "1"), ("MIG", "1")):
        monkeypatch.setenv(f"FAKE_NVML_{name}", value)
    first = mlws(place, "status").stdout.splitlines()[0]
    assert " | MIG | 0 % | " in first
    assert "pid 4194303:?" in first


def test_without_a_driver_the_trouble_is_named_with_its_cure(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_NVML_INIT", "18")
    shown = mlws(place, "status")
    assert shown.returncode == 0
    assert "version mismatch" in shown.stdout
    assert "cure: " in shown.stdout


def test_two_shells_at_once_one_wins_and_the_other_reads_why(place: Path) -> None:
    mlws(place, "status")
    both = [
        subprocess.Popen(
            [MLWS, "gpu", "reserve", "--gpu", "0", "--for", "1h", "--researcher", who],
            cwd=place,
            stderr=subprocess.PIPE,
            text=True,
        )
        for who in ("ann", "ben")
    ]
    said = [shell.communicate(timeout=120)[1] for shell in both]
    assert sorted(shell.returncode for shell in both) == [0, 1]
    lost = next(words for shell, words in zip(both, said, strict=True) if shell.returncode)
    assert "until" in lost
    assert ":1" in lost.partition("free in that time")[2]


def test_a_command_sees_the_reserved_gpus_and_its_status_comes_back(place: Path) -> None:
    done = mlws(place, "run", "--gpus", "1", "--", sys.executable, "-c", SHOW + "; exit(7)")
    assert done.stdout.split() == ["GPU-00000001", "PCI_BUS_ID"]
    assert done.returncode == 7
    assert json.loads(mlws(place, "list", "--json").stdout) == []
    mlws(place, "reserve", "--gpu", "1", "--for", "1h")
    done = mlws(place, "run", "--", sys.executable, "-c", SHOW)
    assert done.stdout.split()[0] == "GPU-00000002"
    assert len(json.loads(mlws(place, "list", "--json").stdout)) == 1


def test_killed_with_9_the_lease_ends_by_itself(place: Path) -> None:
    code = "import time; print('up', flush=True); time.sleep(600)"
    command = [MLWS, "gpu", "run", "--gpus", "2", "--lease", "4", "--", sys.executable, "-c", code]
    running = subprocess.Popen(
        command, cwd=place, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "up\n"
        time.sleep(5)  # longer than a lease: it is renewed
        assert len(json.loads(mlws(place, "list", "--json").stdout)) == 1
        os.kill(running.pid, signal.SIGKILL)
        running.wait(20)
        end = time.monotonic() + 30
        while json.loads(mlws(place, "list", "--json").stdout):
            assert time.monotonic() < end
            time.sleep(0.5)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the command ends with what ran it
            os.killpg(running.pid, signal.SIGKILL)


def test_two_commands_inside_one_booking_never_get_the_same_gpu(place: Path) -> None:
    assert mlws(place, "reserve", "--gpus", "2", "--for", "1h").returncode == 0
    inner = f'{MLWS} gpu run --gpus 1 -- {sys.executable} -c "{SHOW}"'
    code = f"import os, subprocess; {SHOW}; subprocess.run({inner!r}, shell=True)"
    lines = mlws(place, "run", "--gpus", "1", "--", sys.executable, "-uc", code).stdout.split("\n")
    assert [line.split()[0] for line in lines[:2]] == ["GPU-00000001", "GPU-00000002"]
    refused = mlws(place, "run", "--", "sh", "-c", f"{MLWS} gpu run -- true; exit $?")
    assert refused.returncode == 1
    assert "another command uses all the GPUs" in refused.stderr
    assert mlws(place, "run", "--", "true").returncode == 0  # both are free again


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_after_kill_9_the_command_does_not_go_on_unseen(place: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    command = [MLWS, "gpu", "run", "--gpus", "1", "--", sys.executable, "-c", code]
    running = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    child = children.identity(int(running.stdout.readline()))
    assert children.alive(child)
    running.kill()
    running.wait(20)
    end = time.monotonic() + 30
    while children.alive(child):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_signals_reach_the_command_and_its_end_comes_back(place: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5));"
        " print('up', flush=True); time.sleep(600)"
    )
    command = [MLWS, "gpu", "run", "--gpus", "1", "--", sys.executable, "-c", code]
    running = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "up\n"
    running.terminate()
    assert running.wait(60) == 130
    assert json.loads(mlws(place, "list", "--json").stdout) == []
    died = mlws(place, "run", "--gpus", "1", "--", "sh", "-c", "kill -9 $$")
    assert died.returncode == 128 + 9
    missing = mlws(place, "run", "--gpus", "1", "--", "no-such-command")
    assert missing.returncode == 4
    assert "no-such-command" in missing.stderr


def test_the_articles_file_comes_in_once(place: Path) -> None:
    mlws(place, "status")
    row = {"gpu_id": 0, "user": "ben", "purpose": "a", "start_time": "2020-01-01T00:00:00"}
    file = place / "gpu-reservations.json"
    file.write_text(json.dumps({"reservations": [{**row, "end_time": "2099-01-01T00:00:00"}]}))
    assert "would import" in mlws(place, "import", file.name, "--dry-run").stdout
    assert "imported" in mlws(place, "import", file.name).stdout
    assert "there" in mlws(place, "import", file.name).stdout
    mlws(place, "list", "--ics", "gpus.ics")
    assert "SUMMARY:ben: " in (place / "gpus.ics").read_text()
    assert "A ben" in mlws(place, "list", "--calendar").stdout
