"""A pull request from a workflow, and images that may be deployed; gh, docker, cosign are fake."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import tiny_workspace
from tests.support.commandline import Mlws
from tests.support.template_repo import commit, write

BRANCH = "deployments/helper-1"
DIGEST = f"sha256:{'a' * 64}"
IMAGE = "registry.example.org:5000/acme/helper:1.2.0"
BOTH = "on:\n  pull_request:\n  workflow_dispatch:\njobs: {}\n"
FAKE = """\
#!/bin/sh
echo "$(basename "$0") $*" >> {log}
case "$(basename "$0") $*" in
  *"{broken}"*) echo "refused" >&2; exit 1;;
  *inspect*) echo "{digest}";;
  *"pr create"*) echo "https://example.org/pull/7";;
esac
"""


@dataclass(frozen=True, slots=True)
class Outside:
    """The fakes on PATH: what they were asked, and which words they refuse."""

    folder: Path

    def make(self, *, broken: str = "nothing", digest: str = DIGEST) -> None:
        self.folder.mkdir(exist_ok=True)
        for name in ("gh", "docker", "cosign"):
            text = FAKE.format(log=self.folder / "log", broken=broken, digest=digest)
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o755)

    @property
    def asked(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outside:
    made = Outside(tmp_path / "tools")
    made.make()
    monkeypatch.setenv("PATH", f"{made.folder}{os.pathsep}{os.environ['PATH']}")
    return made


@pytest.fixture
def mlws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mlws:
    """A clone of a repository with two workflows of which one reports on pull requests."""
    root = tiny_workspace.make(tmp_path / "ws")
    write(root, {".github/workflows/tests.yml": BOTH})
    write(root, {".github/workflows/nightly.yml": "on:\n  workflow_dispatch:\njobs: {}\n"})
    Git(root).run("init", "--quiet", "--initial-branch", "main")
    commit(root, "Start")
    Git(tmp_path).run("init", "--quiet", "--bare", "origin.git")
    Git(root).run("remote", "add", "origin", str(tmp_path / "origin.git"))
    Git(root).run("push", "--quiet", "origin", "main")
    return Mlws(root, monkeypatch, capsys)


def _propose(mlws: Mlws, *more: str) -> tuple[object, str]:
    ended = mlws("ci", "propose", "--branch", BRANCH, "--title", "Record it", *more)
    return ended.code, ended.err


def test_what_changed_is_pushed_proposed_and_its_checks_are_started(
    mlws: Mlws, outside: Outside, tmp_path: Path
) -> None:
    write(mlws.folder, {"new.txt": "x"})
    assert _propose(mlws)[0] == 0
    pushed = Git(tmp_path / "origin.git")
    assert pushed.run("log", "-1", "--format=%s", BRANCH) == "Record it"
    assert pushed.run("show", "--name-only", "--format=", BRANCH) == "new.txt"
    assert outside.asked == [
        f"gh pr list --head {BRANCH} --base main --json url --jq .[].url",
        f"gh pr create --head {BRANCH} --base main --title Record it --body Record it",
        f"gh workflow run tests.yml --ref {BRANCH}",
    ]


def test_nothing_new_is_no_pull_request(mlws: Mlws, outside: Outside) -> None:
    code, said = _propose(mlws)
    assert (code, outside.asked) == (0, [])
    assert "nothing to propose" in said


def test_commits_that_are_there_already_are_proposed_without_a_further_one(
    mlws: Mlws, outside: Outside, tmp_path: Path
) -> None:
    write(mlws.folder, {"new.txt": "x"})
    commit(mlws.folder, "Update")
    assert _propose(mlws, "--no-dispatch")[0] == 0
    assert Git(tmp_path / "origin.git").run("log", "-1", "--format=%s", BRANCH) == "Update"
    assert not [line for line in outside.asked if "workflow run" in line]


def test_a_dry_run_pushes_nothing(mlws: Mlws, outside: Outside, tmp_path: Path) -> None:
    write(mlws.folder, {"new.txt": "x"})
    code, said = _propose(mlws, "--dry-run")
    assert (code, outside.asked) == (0, [])
    assert "start tests.yml" in said
    assert Git(tmp_path / "origin.git").commit_of(BRANCH) is None
    assert Git(mlws.folder).branch() == "main"


def test_what_gh_refuses_fails(mlws: Mlws, outside: Outside) -> None:
    outside.make(broken="pr create")
    write(mlws.folder, {"new.txt": "x"})
    code, said = _propose(mlws)
    assert code == 1
    assert "gh pr create failed: refused" in said


def test_a_name_that_would_be_an_option_is_refused(mlws: Mlws, outside: Outside) -> None:
    ended = mlws("ci", "propose", "--branch=--force", "--title", "x")
    assert (ended.code, outside.asked) == (2, [])


def _verify(mlws: Mlws, *more: str, digest: str = DIGEST) -> tuple[object, str]:
    ended = mlws("ci", "verify-image", IMAGE, "--digest", digest, *more)
    return ended.code, ended.err


def test_the_attested_image_of_this_very_tag_may_be_deployed(
    mlws: Mlws, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = "acme/demo/.github/workflows/deploy-production.yml@refs/tags/agents/helper/v1.2.0"
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", flow)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/demo")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    assert _verify(mlws, "--provenance")[0] == 0
    subject = f"registry.example.org:5000/acme/helper@{DIGEST}"
    assert outside.asked[0].startswith(f"docker buildx imagetools inspect {IMAGE}")
    assert f"--certificate-identity https://github.com/{flow} {subject}" in outside.asked[1]
    assert outside.asked[2] == f"gh attestation verify oci://{subject} --repo acme/demo"


@pytest.mark.parametrize(
    ("broken", "code", "said"),
    [
        ("inspect", 4, "the registry did not say"),
        ("verify-attestation", 1, "no bill of materials"),
        ("attestation verify", 1, "no provenance"),
    ],
)
def test_what_cannot_be_proved_is_not_deployed(
    mlws: Mlws, outside: Outside, broken: str, code: int, said: str
) -> None:
    outside.make(broken=broken)
    ended = _verify(mlws, "--provenance")
    assert ended[0] == code
    assert said in ended[1]


def test_a_tag_that_was_moved_is_not_deployed(mlws: Mlws, outside: Outside) -> None:
    outside.make(digest=f"sha256:{'b' * 64}")
    code, said = _verify(mlws)
    assert code == 1
    assert "somebody moved the tag" in said
    assert _verify(mlws, digest="latest")[0] == 1
