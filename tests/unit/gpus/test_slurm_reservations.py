"""Slurm's own reservations, as its scontrol prints them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.gpus import slurm
from tests.support import tiny_workspace

MLWS = Path(sys.executable).with_name("mlws")
SAID = (
    "ReservationName=course StartTime=2096-11-24T10:00:00 EndTime=2096-11-24T12:00:00"
    " Duration=02:00:00 Nodes=gpu[1-2] NodeCnt=2 CoreCnt=64 Features=(null) PartitionName=(null)"
    " Flags=SPEC_NODES TRES=cpu=64,gres/gpu=8 Users=ann,ben Groups=(null) Accounts=(null)"
    " Licenses=(null) State=INACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)\n"
)


def test_names_users_nodes_gpus_and_times_are_read() -> None:
    [found] = slurm.parse(SAID)
    assert (found.name, found.users, found.nodes, found.gpus) == (
        "course",
        "ann,ben",
        "gpu[1-2]",
        8,
    )
    assert found.ends - found.begins == 7200
    assert slurm.parse("No reservations in the system\n") == []


@pytest.mark.parametrize(("status", "words"), [(0, "gpu[1-2] (8 GPUs)"), (1, "does not tell")])
def test_they_stand_in_the_list_and_a_silent_slurm_is_only_a_remark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, words: str
) -> None:
    root = tiny_workspace.make(tmp_path / "here", config='[compute]\ndefault = "slurm"\n')
    (tmp_path / "scontrol").write_text(f"#!/bin/sh\necho '{SAID}'; exit {status}\n")
    (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def mlws(*asked: str) -> subprocess.CompletedProcess[str]:
        command = [MLWS, "gpu", *asked]
        return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)

    for command in ("list", "status"):
        shown = mlws(command)
        assert words in shown.stdout + shown.stderr
    rows = json.loads(mlws("list", "--json").stdout)
    assert [(row["kind"], row["count"]) for row in rows] == ([] if status else [("slurm", 8)])
