"""Jinja as our templates know it: sandboxed, with the few filters of Copier's that they use."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, TemplateNotFound, Undefined
from jinja2.sandbox import SandboxedEnvironment

from mlws_scaffold.scaffold.rendering.sources import Source

_OPENINGS = ("{{", "{%", "{#")


class _Loader(BaseLoader):
    """Templates and what they include, by their path in the source."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def get_source(
        self,
        environment: Any,  # noqa: ARG002 - jinja2's signature
        template: str,
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        if template not in self._source.files():
            raise TemplateNotFound(template)
        return self._source.read(template).decode(), template, None


# Compiling costs most of a rendering, and two versions of a template have most texts in common.
# What a text compiles to depends on nothing but the text and its name.
_CODES: dict[tuple[str, str | None], CodeType] = {}


class _Environment(SandboxedEnvironment):
    """The sandbox, with each text compiled once in a process."""

    def compile(  # type: ignore[override]
        self,
        source: str,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> CodeType:
        if raw or defer_init:
            raise TypeError("only code is kept")
        key = (source, name)
        if key not in _CODES:
            code = super().compile(source, name, filename)
            _CODES[key] = code
        return _CODES[key]


class Jinja:
    """One environment for all names and files of one rendering; each text is compiled once."""

    def __init__(self, source: Source, *, strict: bool) -> None:
        self._environment = _Environment(
            loader=_Loader(source),
            undefined=StrictUndefined if strict else Undefined,
            keep_trailing_newline=True,
            # A template is rendered once: a cache of hundreds would only hold memory.
            auto_reload=False,
        )
        self._environment.filters.update(_FILTERS)
        self._compiled: dict[str, Any] = {}

    def text(self, text: str, context: Mapping[str, Any]) -> str:
        """A text rendered; one without Jinja in it is given back as it is."""
        if not any(opening in text for opening in _OPENINGS):
            return text
        if text not in self._compiled:
            self._compiled[text] = self._environment.from_string(text)
        return str(self._compiled[text].render(context))

    def file(self, path: str, context: Mapping[str, Any]) -> bytes:
        """A file of the source rendered."""
        return self._environment.get_template(path).render(context).encode()


def _regex_search(value: str, pattern: str) -> str | None:
    found = re.search(pattern, value)
    return found.group() if found else None


def _regex_replace(value: Any, pattern: str, replacement: str) -> str:
    return re.sub(pattern, replacement, str(value))


def _strftime(form: str) -> str:
    return time.strftime(form, time.localtime())


def _to_json(value: Any, **settings: Any) -> str:
    return json.dumps(value, **settings)


def _to_nice_yaml(value: Any) -> str:
    import yaml

    return str(yaml.dump(value, indent=4, allow_unicode=True, default_flow_style=False))


# The names that Copier's templates know them by (jinja2-ansible-filters); a test compares results.
_FILTERS: Mapping[str, Callable[..., Any]] = {
    "realpath": os.path.realpath,
    "regex_replace": _regex_replace,
    "regex_search": _regex_search,
    "strftime": _strftime,
    "to_json": _to_json,
    "to_nice_yaml": _to_nice_yaml,
}
