"""How fast a model answers on a server, measured under conditions that are written beside it."""

from __future__ import annotations

from mlws_scaffold.models.benchmark.measuring import Plan, Request, measure, prepare
from mlws_scaffold.models.benchmark.recording import latest, record
from mlws_scaffold.models.benchmark.report import Report, document

__all__ = ["Plan", "Report", "Request", "document", "latest", "measure", "prepare", "record"]
