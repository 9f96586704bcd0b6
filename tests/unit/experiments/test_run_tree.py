"""The commit of a dirty tree: everything that was changed, and never a secret."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlws_scaffold.adapters.git import Git
from mlws_scaffold.experiments.run import tree
from mlws_scaffold.workspace import secrets
from tests.support.template_repo import commit, write

FOLDER = "experiments/active/ann/first"
MARK = "do-not-keep"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, {f"{FOLDER}/train.py": "x = 1\n", "shared/a.py": "", ".gitignore": "build/\n"})
    Git(tmp_path).run("init", "--quiet")
    commit(tmp_path, "Start")
    return tmp_path


def _files(root: Path) -> dict[str, str]:
    found = tree.look(root, root / FOLDER, 10)
    names = Git(root).run("ls-tree", "-r", "-z", "--name-only", found.tree).split("\0")
    return {name: Git(root).run("show", f"{found.tree}:{name}") for name in names if name}


_hidden = st.sampled_from(
    [".env", ".env.local", "prod.env", "a.pem", "B.PEM", "tls.key", "id_rsa", "id_ed25519.old",
     "credentials.json", ".netrc", "build/x.txt", "x.p12", ".env/inner.txt"]
)  # fmt: skip
_above = st.sampled_from(["", "deep/er/", f"{FOLDER}/", "a b/", "shared/"])


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(_above, _hidden), min_size=1, max_size=4, unique=True), st.booleans())
def test_secrets_and_ignored_files_are_never_captured(
    paths: list[tuple[str, str]], staged: bool
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write(root, {f"{FOLDER}/train.py": "x = 1\n", "shared/a.py": "", ".gitignore": "build/\n"})
        Git(root).run("init", "--quiet")
        commit(root, "Start")
        hidden = [above + name for above, name in paths]
        shadowed = {path for path in hidden for other in hidden if other.startswith(f"{path}/")}
        write(root, {path: MARK for path in hidden if path not in shadowed})
        write(root, {"seen.txt": "seen"})
        if staged:
            Git(root).attempt("add", "--all")
        files = _files(root)
        assert files["seen.txt"] == "seen"
        assert MARK not in "".join(files.values())


def test_changes_deletions_and_new_files_are_all_there(root: Path) -> None:
    write(root, {f"{FOLDER}/train.py": "x = 2\n", "ü b.txt": "new", "shared/a.py": None})
    assert _files(root) == {
        ".gitignore": "build/",
        f"{FOLDER}/train.py": "x = 2",
        "ü b.txt": "new",
    }
    assert "D shared/a.py" in Git(root).run("status", "--porcelain")


def test_a_file_that_became_a_folder_is_one(root: Path) -> None:
    write(root, {"shared/a.py": None})
    write(root, {"shared/a.py/inner.txt": "in"})
    assert _files(root)["shared/a.py/inner.txt"] == "in"


def test_a_large_new_file_is_left_out_and_said(root: Path) -> None:
    write(root, {"big.bin": b"0" * 1_000_001})
    found = tree.look(root, root / FOLDER, 1)
    assert found.left_out == {"big.bin": "is new and larger than 1 MB"}
    assert found.dirty


def test_words_about_the_experiment_make_no_tree_dirty(root: Path) -> None:
    write(root, {f"{FOLDER}/metadata.yaml": "a: 1\n", f"{FOLDER}/results/summary.md": "good"})
    assert not tree.look(root, root / FOLDER, 10).dirty
    write(root, {f"{FOLDER}/train.py": "x = 3\n"})
    assert tree.look(root, root / FOLDER, 10).dirty


def test_the_code_hash_follows_the_code_and_not_the_place(root: Path) -> None:
    def now(folder: str) -> str:
        return tree.code_hash(tree.look(root, root / folder, 10), root / "shared")

    first = now(FOLDER)
    write(root, {f"{FOLDER}/README.md": "x", "elsewhere.py": "x", f"{FOLDER}/config.yaml": "a: 1"})
    assert now(FOLDER) == first
    write(root, {"experiments/active/bob/copy/train.py": "x = 1\n"})
    assert now("experiments/active/bob/copy") == first
    write(root, {"shared/a.py": "changed\n"})
    assert now(FOLDER) != first


@pytest.mark.parametrize("name", ["train.py", "environment.yaml", ".env.example", "keyboard.py"])
def test_an_ordinary_name_is_no_secret(name: str) -> None:
    assert not secrets.is_secret_file(f"folder/{name}")
