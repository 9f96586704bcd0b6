"""The front matter of a Markdown page: its fields, and the page below them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlws_scaffold.adapters import documents
from mlws_scaffold.errors import InvalidFile


def split(text: str) -> tuple[Mapping[str, Any], str]:
    """The fields and the rest. A page without fields, or with broken ones, has none."""
    plain = text.replace("\r\n", "\n")
    if not plain.startswith("---\n"):
        return {}, plain
    head, found, body = plain[4:].partition("\n---\n")
    if not found:
        return {}, plain
    try:
        data = documents.parse(head.encode(), "").data
    except InvalidFile:
        return {}, body
    return (data, body) if isinstance(data, dict) else ({}, body)
