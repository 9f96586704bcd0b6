"""The workspace with an agent that is deployed for real."""

from __future__ import annotations

from tests.support.deployed import deployed

__all__ = ["deployed"]
