"""Renders a kind of the template into memory: every file, every mode, every folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlws_scaffold.scaffold.rendering import questions, settings
from mlws_scaffold.scaffold.rendering.questions import Answered, Known
from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer, Source, above_of
from mlws_scaffold.workspace.layout import ANSWERS

if TYPE_CHECKING:
    from mlws_scaffold.scaffold.rendering.environment import Jinja
    from mlws_scaffold.scaffold.rendering.settings import Settings

_SUFFIX = ".jinja"
_COPIED = ("_src_path", "_commit")


@dataclass(frozen=True, slots=True)
class File:
    """A rendered file: its bytes and its permission bits."""

    content: bytes
    mode: int


@dataclass(frozen=True, slots=True)
class Tree:
    """What a project consists of, by path from its folder, and the answers it was made with."""

    files: Mapping[str, File]
    folders: frozenset[str]
    answers: Mapping[str, Any]
    dropped: tuple[str, ...] = field(default=())

    def write(self, destination: Path) -> None:
        """Write everything below a folder, which is made. Raises OSError as it comes."""
        destination.mkdir(parents=True, exist_ok=True)
        for folder in sorted(self.folders):
            (destination / folder).mkdir(exist_ok=True)
        for path, file in self.files.items():
            _write(f"{destination}/{path}", file)


def _write(path: str, file: File) -> None:
    """Few calls of the system: a project is a hundred files, and this is most of writing one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, file.mode)
    try:
        rest = memoryview(file.content)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fchmod(handle, file.mode)  # the umask has no say in it
    finally:
        os.close(handle)


class Template:
    """A template read once, from which any number of projects can be rendered."""

    def __init__(self, source: Source) -> None:
        self.source = source

    @cached_property
    def settings(self) -> Settings:
        return settings.load(self.source)

    @cached_property
    def _jinja(self) -> Jinja:
        # Jinja is the heaviest import here: only who renders pays for it.
        from mlws_scaffold.scaffold.rendering.environment import Jinja

        return Jinja(self.source, strict=self.settings.strict)

    def render(self, kind: str, known: Known) -> Tree:
        """Render a kind. `known.given` may hold `_src_path` and `_commit`, which are recorded.

        Raises UsageError for a given answer that does not fit, BeyondRenderer when only Copier, or
        nobody, can render this.
        """
        from jinja2 import TemplateError

        try:
            answered = self._answered(kind, known)
            return self._rendered(_context(answered), answered)
        except (TemplateError, UnicodeDecodeError) as error:
            raise BeyondRenderer(f"the template does not render here: {error}") from error

    def context(self, kind: str, known: Known) -> Mapping[str, Any]:
        """What the files of the kind see; it fails as `render` does, or with Jinja's own error."""
        return _context(self._answered(kind, known))

    def _answered(self, kind: str, known: Known) -> Answered:
        given = Known({**known.given, "kind": kind}, known.last, known.suggested)
        return questions.answer(self.settings.questions, given, self._jinja, _copier_values())

    def _rendered(self, context: Mapping[str, Any], answered: Answered) -> Tree:
        top = self._jinja.text(self.settings.subdirectory, context) + "/"
        names = _Names(self._jinja, context, self.settings.exclude)
        here = self.source.files()
        files: dict[str, File] = {}
        for path, mode in here.items():
            if not path.startswith(top) or path + _SUFFIX in here:
                continue
            dynamic = path.endswith(_SUFFIX)
            target = names.target(path.removeprefix(top).removesuffix(_SUFFIX))
            if target is None or (not dynamic and target + _SUFFIX in here):
                continue
            if target in files:
                raise BeyondRenderer(f"two files of the template become {target}")
            content = self._jinja.file(path, context) if dynamic else self.source.read(path)
            files[target] = File(content, mode)
        folders = {
            target
            for path in self.source.folders()
            if path.startswith(top) and (target := names.target(path.removeprefix(top)))
        }
        folders.update(above for path in files for above in above_of(path))
        return Tree(files, frozenset(folders), answered.recorded, answered.dropped)


class _Names:
    """Where files and folders of the template go; each name is rendered once."""

    def __init__(self, jinja: Jinja, context: Mapping[str, Any], exclude: Iterable[str]) -> None:
        self._jinja = jinja
        self._context = context
        self._excluded = re.compile("|".join(map(translate, exclude)) or r"(?!)").match
        self._known: dict[str, str | None] = {}

    def target(self, path: str) -> str | None:
        """The rendered path, None when one of its names comes out empty or is left out."""
        if path not in self._known:
            above, _, part = path.rpartition("/")
            around = self.target(above) if above else ""
            self._known[path] = None if around is None else self._inside(around, part)
        return self._known[path]

    def _inside(self, around: str, part: str) -> str | None:
        if around == ANSWERS:
            return ANSWERS
        name = self._jinja.text(part, self._context)
        if name == ANSWERS:
            return ANSWERS
        if name in (".", "..") or "/" in name or "\\" in name:
            raise BeyondRenderer(f"{part}: {name!r} is no name")
        if not name or self._excluded(name):
            return None
        return f"{around}/{name}" if around else name


def _copier_values() -> dict[str, Any]:
    """What Copier itself tells a template, as far as ours ask for it."""
    return {"_copier_conf": {"answers_file": ANSWERS, "sep": "/"}, "_copier_operation": "copy"}


def _context(answered: Answered) -> dict[str, Any]:
    context = dict(answered.context)
    copied = {name: context[name] for name in _COPIED if context.get(name) is not None}
    return {**context, "_copier_answers": {**copied, **answered.recorded}}
