"""Many projects at once, and the same results as `copier update` where Copier keeps all edits."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlws_scaffold.adapters.git import Git
from tests.support import merge_lab, template_repo
from tests.support.merge_lab import Lab
from tests.support.template_repo import commit, lines, write

pytestmark = pytest.mark.slow

AGENTS = 30
HOME = "agents/production"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return merge_lab.lab(tmp_path_factory.mktemp("many"), "a0")


def agent(number: int) -> str:
    return f"{HOME}/a{number}"


def test_thirty_agents_are_updated_at_once_and_no_edit_changes_its_agent(
    lab: Lab, tmp_path: Path
) -> None:
    place = lab.copy(tmp_path / "ws")
    for number in range(1, AGENTS):
        shutil.copytree(place / agent(0), place / agent(number))
    for number in range(AGENTS):
        home = place / agent(number)
        if number % 5 == 0:
            write(home, {"old_name.py": lines("1 to be renamed", f"3 of {number}")})
        elif number % 5 == 1:
            write(home, {"app.py": lines(f"1 of {number}"), "docs/mine.md": f"of {number}\n"})
        elif number % 5 == 2:
            (home / "old_name.py").rename(home / f"mine_{number}.py")
        elif number % 5 == 3:
            write(home, {"app.py": None, "legacy.py": f"of {number}\n"})
            write(place, {f"lib/app_copy_{number}.py": lines(f"11 copy of {number}")})
    commit(place, "Edit all")

    seen = merge_lab.update(place)

    def content(number: int, name: str) -> bytes | None:
        return seen.files.get(f"{agent(number)}/{name}")

    for number in range(AGENTS):
        case, own = number % 5, f"of {number}"
        assert b"_commit: v1.1.0" in (content(number, ".copier-answers.yml") or b"")
        if case == 0:
            both = lines("1 to be renamed", f"3 {own}", "10 template")
            assert content(number, "new_name.py") == both.encode()
        elif case == 1:
            assert content(number, "app.py") == lines(f"1 {own}", "10 template").encode()
            assert content(number, "docs/mine.md") == f"{own}\n".encode()
        elif case == 2:
            paths = {f"{agent(number)}/{name}" for name in
                     ("old_name.py", "new_name.py", f"mine_{number}.py")}  # fmt: skip
            assert paths <= set(seen.unmerged)
        elif case == 3:
            assert content(number, "app.py") is None
            assert content(number, "legacy.py") == f"{own}\n".encode()
            copied = seen.files[f"lib/app_copy_{number}.py"]
            assert copied == lines(f"11 copy {own}").encode()
        else:
            assert (
                content(number, "new_name.py") == lines("1 to be renamed", "10 template").encode()
            )
    assert len(seen.unmerged) == 3 * AGENTS // 5


DIFFERENTIAL = {
    "nothing of the template": {"own.txt": "own\n"},
    "elsewhere": {"app.py": lines("1 ours")},
    "the same": {"app.py": lines("10 template")},
    "crlf": {"crlf.txt": lines("1 from windows", "3 ours").replace("\n", "\r\n")},
    "own files": {"own/file.txt": "own\n", "docs/mine.md": "mine\n"},
    "seed": {"seed.md": "ours\n"},
    "deleted": {"still.txt": None},
    "identical addition": {"Makefile": "all:\n\ttemplate\n"},
    "binary of ours": {"own.bin": b"\0\1own"},
}


def test_where_copier_keeps_all_edits_the_results_are_equal(lab: Lab, tmp_path: Path) -> None:
    for number, (name, edits) in enumerate(DIFFERENTIAL.items()):
        ours = lab.copy(tmp_path / f"ours-{number}")
        write(ours / agent(0), edits)
        commit(ours, name)
        theirs = shutil.copytree(ours, tmp_path / f"theirs-{number}", symlinks=True)

        merge_lab.update(ours)
        update_with_copier(theirs / agent(0))

        assert merge_lab.tree(ours / agent(0)) == merge_lab.tree(theirs / agent(0)), name


def update_with_copier(folder: Path) -> None:
    import copier

    copier.run_update(
        folder, defaults=True, skip_answered=True, overwrite=True, quiet=True, unsafe=True
    )


def test_a_workspace_that_we_updated_is_updated_by_plain_copier(lab: Lab, tmp_path: Path) -> None:
    newer = template_repo.TemplateRepo(
        shutil.copytree(lab.template.folder, tmp_path / "template", symlinks=True)
    )
    place = lab.copy(tmp_path / "ws")
    for answers in place.rglob(".copier-answers.yml"):
        text = answers.read_text()
        answers.write_text(text.replace(str(lab.template.folder), str(newer.folder)))
    commit(place, "Move the template")
    merge_lab.update(place)
    newer.release("v1.2.0", {"templates/workspace/app.py": lines("5 later", "10 template")})

    command = [sys.executable, "-m", "copier", "update", "--trust", "--defaults", "-q", "."]
    subprocess.run(command, cwd=place, check=True, capture_output=True)

    assert (place / "app.py").read_text() == lines("5 later", "10 template")
    assert "_commit: v1.2.0" in (place / ".copier-answers.yml").read_text()
    assert not Git(place).unmerged()
