"""How requests go wrong, on demand.

A `Fault` names what happens and to which request: the route, the model, the how-manieth of those.
`at` is a place in a stream: that many lines go out before it happens.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal

# In place of any answer, before anything is done: a proxy's HTML with 502, 503 and 500 in the
# server's form, a redirect, HTML with status 200.
Whole = Literal["html", "busy", "500", "redirect", "kind"]
# In a stream, at a line. `truncated`: it ends in good order, without success; `cut`: in the middle
# of a line, the connection closed; `reset`: the same with a TCP reset; `stall`: the same line over
# and over; `silence`; `inline`: an error line in a 200 answer; `garbage`: a line that is no JSON;
# `disk`: no space left; `slow`: every line in pieces, with pauses; nothing is wrong with it.
Stream = Literal[
    "truncated", "cut", "reset", "stall", "silence", "inline", "garbage", "disk", "slow"
]
# Of a pull: it says success and the model is not there; a layer that came damaged.
Wrong = Literal["unlisted", "damaged"]
# Of an answer that is no stream: the thing is done, and the answer gets lost.
Late = Literal["lost"]
Kind = Whole | Stream | Wrong | Late

WHOLE = {"html", "busy", "500", "redirect", "kind"}
TEXTS = {
    "inline": "max retries exceeded: EOF",
    "disk": "write /models/blobs/sha256-partial: no space left on device",
}


@dataclass
class Fault:
    """One way to go wrong.

    route: version, tags, show, ps, pull, create, copy, delete, blobs, chat, generate, v1; all when
    empty. name: the model asked for; all when empty. nth: only that request of the matching ones,
    from 1; all when 0. at: lines of a stream that go out before; -1: in place of the last one. An
    answer that is no stream: `reset` and `silence` come before anything is done when `at` is 0,
    else after it; the others of a stream lose its answer when the thing is done.
    words: of `inline`. to: where `redirect` leads.
    """

    kind: Kind
    route: str = ""
    name: str = ""
    nth: int = 0
    at: int = 0
    words: str = ""
    to: str = "http://127.0.0.1:9/"
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def meets(self, route: str, name: str) -> bool:
        """Whether this request is the one; counts it."""
        if self.route not in ("", route) or (self.name and self.name.lower() != name.lower()):
            return False
        with self.lock:
            self.seen += 1
            return self.nth in (0, self.seen)
