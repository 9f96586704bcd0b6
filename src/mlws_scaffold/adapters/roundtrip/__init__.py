"""YAML edited so that comments, order and quoting stay; nothing else of ours edits YAML."""

from __future__ import annotations

from mlws_scaffold.adapters.roundtrip.merging import REMOVE, merge
from mlws_scaffold.adapters.roundtrip.whole import edit, written

__all__ = ["REMOVE", "edit", "merge", "written"]
