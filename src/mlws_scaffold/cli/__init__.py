"""Parses what was typed, prints what was found, sets the exit code. Decides nothing."""

from __future__ import annotations

import gc

# A start makes tens of thousands of objects that stay. Looking through them for cycles at every
# seven hundredth costs a short command a twentieth of its time.
gc.set_threshold(50_000, 20, 20)
