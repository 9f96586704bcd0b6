"""Renders the snapshot as one HTML file: no network, no framework, nothing typed by people runs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from mlws_scaffold.scaffold.rendering import html
from mlws_scaffold.team.dashboard import boards, rows, words

_PACKAGE = "mlws_scaffold.team.dashboard"
_LATEST = 50


def _truncated(value: Any, most: int) -> str:
    return words.clean(value)[:most]


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "clean": words.clean,
    "amount": words.amount,
    "costs": words.costs,
    "percent": words.percent,
    "day": words.day,
    "truncated": _truncated,
}


def render(snapshot: Mapping[str, Any]) -> str:
    """The page. The same snapshot gives the same text."""
    style, early, script = (_text(name) for name in ("page.css", "early.js", "page.js"))
    experiments = snapshot["sections"].get("experiments", {}).get("data") or []
    values = {
        "policy": policy(style, early, script),
        "style": html.safe(style),
        "early": html.safe(early),
        "script": html.safe(script),
        "island": html.safe(island(_data(snapshot, experiments))),
        "snapshot": snapshot,
        "boards": boards.every(snapshot),
        "over_time": (snapshot["sections"].get("details", {}).get("data") or {}).get("over_time"),
        "latest": experiments[:_LATEST],
        "total": len(experiments),
    }
    return html.page(_PACKAGE, "page.html.jinja", values, _FILTERS)


def island(data: object) -> str:
    """JSON that is safe between script tags: no sign in it can end or begin one."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def policy(style: str, *scripts: str) -> str:
    """A content security policy that allows these texts and nothing else."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )


def _data(snapshot: Mapping[str, Any], experiments: list[Mapping[str, Any]]) -> dict[str, Any]:
    details = snapshot["sections"].get("details", {}).get("data") or {}
    return {
        **rows.compact(experiments),
        "at": words.seconds(snapshot["at"]),
        "details": {
            words.clean(key, 80): _detail(one)
            for key, one in details.get("experiments", {}).items()
        },
        "repository": words.address(details.get("repository")),
    }


def _detail(one: Mapping[str, Any]) -> dict[str, Any]:
    """One entry of the section `details`, which a file may have brought here."""
    curves = [
        [
            words.clean(name, 120),
            [point for point in points if None not in map(words.number, point)],
        ]
        for name, points in one.get("curves", ())
    ]
    texts = {
        key: words.clean(one[key]) for key in ("source", "configuration_why", "why") if key in one
    }
    if "configuration" in one:
        texts["configuration"] = words.block(one["configuration"])
    return {**texts, "curves": curves}


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _text(name: str) -> str:
    return (resources.files(_PACKAGE) / name).read_text(encoding="utf-8")
