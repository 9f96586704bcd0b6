"""Renders a kind of the template into memory: every file, every mode, every folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlws_scaffold.scaffold.rendering import questions, settings
from mlws_scaffold.scaffold.rendering.questions import Answered, Known
from mlws_scaffold.scaffold.rendering.sources import BeyondRenderer, Source
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
            target = destination / path
            target.write_bytes(file.content)
            target.chmod(file.mode)


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
        here = self.source.files()
        files: dict[str, File] = {}
        for path, mode in here.items():
            if not path.startswith(top) or path + _SUFFIX in here:
                continue
            target = self._target(path.removeprefix(top), context)
            if target is None:
                continue
            if target in files:
                raise BeyondRenderer(f"two files of the template become {target}")
            dynamic = path.endswith(_SUFFIX)
            content = self._jinja.file(path, context) if dynamic else self.source.read(path)
            files[target] = File(content, mode)
        folders = {
            target
            for path in self.source.folders()
            if path.startswith(top) and (target := self._folder(path.removeprefix(top), context))
        }
        above = {str(one) for path in files for one in PurePosixPath(path).parents}
        return Tree(files, frozenset(folders | above - {"."}), answered.recorded, answered.dropped)

    def _target(self, path: str, context: Mapping[str, Any]) -> str | None:
        """Where a file goes, None when one of its names comes out empty or is left out."""
        dynamic = path.endswith(_SUFFIX)
        target = self._folder(path.removesuffix(_SUFFIX), context)
        static_twin = target is not None and not dynamic and target + _SUFFIX in self.source.files()
        return None if static_twin else target

    def _folder(self, path: str, context: Mapping[str, Any]) -> str | None:
        names = []
        for part in path.split("/"):
            name = self._jinja.text(part, context)
            if not name:
                return None
            if name == ANSWERS:
                return ANSWERS
            if name in (".", "..") or "/" in name or "\\" in name:
                raise BeyondRenderer(f"{path}: {name!r} is no name")
            if any(fnmatchcase(name, pattern) for pattern in self.settings.exclude):
                return None
            names.append(name)
        return "/".join(names)


def _copier_values() -> dict[str, Any]:
    """What Copier itself tells a template, as far as ours ask for it."""
    return {"_copier_conf": {"answers_file": ANSWERS, "sep": "/"}, "_copier_operation": "copy"}


def _context(answered: Answered) -> dict[str, Any]:
    context = dict(answered.context)
    copied = {name: context[name] for name in _COPIED if context.get(name) is not None}
    return {**context, "_copier_answers": {**copied, **answered.recorded}}
