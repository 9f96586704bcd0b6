"""Throw-away templates as tagged git repositories, and workspaces made from them by real Copier."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlws_scaffold.adapters.git import Git

ROOT = Path(__file__).parents[2]
ANSWERS = "{{ _copier_conf.answers_file }}.jinja"
_RECORD = "{{ dict(_copier_answers, _src_path=_src_path, _commit=_commit) | to_nice_yaml -}}\n"


def lines(*changed: str, count: int = 12) -> str:
    """Numbered lines; `changed` are `number text` and replace a line."""
    rows = {number: f"line {number}" for number in range(1, count + 1)}
    for change in changed:
        number, _, text = change.partition(" ")
        rows[int(number)] = text
    return "".join(f"{row}\n" for row in rows.values())


@dataclass(frozen=True, slots=True)
class TemplateRepo:
    """A template in git. Paths of files are as in the repository."""

    folder: Path

    @property
    def git(self) -> Git:
        return Git(self.folder)

    def release(self, tag: str, files: Mapping[str, str | bytes | None]) -> None:
        """Write the files (None removes one), commit everything and tag it."""
        write(self.folder, files)
        commit(self.folder, f"Release {tag}")
        self.git.run("tag", "--annotate", "--message", tag, tag)


def tiny(folder: Path, witness: Path | None = None) -> TemplateRepo:
    """A template of two kinds at v1.0.0. Its task, guarded by nothing, adds a word to `witness`."""
    task = f"open({str(witness)!r}, 'a').write('ran ')"
    settings = [
        '_subdirectory: "templates/{{ kind }}"',
        '_skip_if_exists: ["notes.md", "seeds/**"]',
        f'_tasks: [["{{{{ _copier_python }}}}", "-c", "{task}"]]' if witness else "_tasks: []",
        "kind: {type: str, default: workspace, ask: false}",
        "title: {type: str, default: A title}",
        "",
    ]
    folder.mkdir(parents=True)
    Git(folder).run("init", "--quiet")
    template = TemplateRepo(folder)
    workspace, agent = "templates/workspace", "templates/agent"
    files: dict[str, str | bytes | None] = {
        "copier.yml": "\n".join(settings),
        f"{workspace}/{ANSWERS}": _RECORD,
        f"{workspace}/mlws.toml": '[workspace]\nname = "ws"\n',
        f"{workspace}/.gitignore": "ignored/\n*.log\n",
        f"{workspace}/rules.txt": lines(),
        f"{workspace}/old.txt": lines("1 a file to rename"),
        f"{workspace}/legacy.txt": "to be dropped\n",
        f"{workspace}/logo.bin": b"\0\1first",
        f"{workspace}/notes.md": "seed\n",
        f"{workspace}/title.txt.jinja": "{{ title }}\n",
        f"{agent}/{ANSWERS}": _RECORD,
        f"{agent}/agent.txt": lines(),
        f"{agent}/notes.md": "seed\n",
    }
    template.release("v1.0.0", files)
    return template


def from_checkout(folder: Path, tag: str) -> TemplateRepo:
    """The template of this checkout, with its package, committed and tagged."""
    folder.mkdir(parents=True)
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in ("templates", "hooks", "src"):
        shutil.copytree(ROOT / part, folder / part, ignore=skipped)
    for part in ("copier.yml", "pyproject.toml"):
        shutil.copy2(ROOT / part, folder / part)
    Git(folder).run("init", "--quiet")
    template = TemplateRepo(folder)
    template.release(tag, {})
    return template


def copy(template: str, folder: Path, version: str, **answers: str) -> None:
    """Render with Copier, as `copier copy --trust --defaults` does."""
    import copier
    from copier.errors import CopierWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CopierWarning)
        copier.run_copy(
            template, folder, data=answers, vcs_ref=version, defaults=True, quiet=True, unsafe=True
        )


def workspace(template: TemplateRepo, folder: Path, *agents: str, version: str = "v1.0.0") -> Path:
    """A committed workspace, with agents in agents/production."""
    copy(str(template.folder), folder, version)
    for agent in agents:
        copy(str(template.folder), folder / "agents/production" / agent, version, kind="agent")
    Git(folder).run("init", "--quiet")
    commit(folder, "First commit")
    return folder


def write(folder: Path, files: Mapping[str, str | bytes | None]) -> None:
    """Write files, making their folders; None removes one."""
    for name, content in files.items():
        path = folder / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(folder: Path, message: str) -> str:
    """Commit everything and return the commit."""
    git = Git(folder)
    git.run("add", "--all")
    git.run("commit", "--quiet", "--no-verify", "--message", message)
    return git.run("rev-parse", "HEAD")


def state(folder: Path) -> dict[str, bytes | str]:
    """Everything an update could touch: every file's bytes, HEAD, its branch, and the index."""
    found: dict[str, bytes | str] = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }
    git = Git(folder)
    for name in ("HEAD", "--all"):
        found[f"git {name}"] = git.run("rev-parse", name)
    found["git branch"] = git.branch()
    found["git index"] = git.run("ls-files", "--stage")
    return found


def whole(folder: Path) -> dict[str, object]:
    """A work tree and its repository to the byte: files with modes, folders, names, the index.

    Objects are left out: those that nothing names are no part of anything.
    """
    git = folder / ".git"
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        if git in path.parents or path == git:
            continue
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = "folder"
        else:
            found[name] = (path.stat().st_mode, path.read_bytes())
    found["git"] = sorted(path.name for path in git.iterdir() if path.name != "ORIG_HEAD")
    found["git HEAD"] = (git / "HEAD").read_text()
    found["git refs"] = Git(folder).run("for-each-ref")
    found["git index"] = (git / "index").read_bytes()
    return found


def tracked_state(folder: Path) -> dict[str, bytes | str]:
    """The state without branches that are not the current one."""
    return {key: value for key, value in state(folder).items() if key != "git --all"}
