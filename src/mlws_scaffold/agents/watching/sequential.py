"""Wald's sequential probability ratio test: it ends as soon as the evidence suffices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Answer = Literal["good", "bad", "open"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Tells a `good` ratio from a `bad` one; wrongly so with the risks `alpha` and `beta`."""

    good: float
    bad: float
    alpha: float
    beta: float

    def run(self, outcomes: Iterable[bool]) -> Answer:
        """The answer after these outcomes (True: a failure), in their order.

        Bad is final. After a good end the test begins again, so that a version that turns bad
        while another test is still open is found; good stays the answer meanwhile.
        """
        upper = math.log((1 - self.beta) / self.alpha)
        lower = math.log(self.beta / (1 - self.alpha))
        hit = math.log(self.bad / self.good)
        miss = math.log((1 - self.bad) / (1 - self.good))
        score, answer = 0.0, "open"
        for failed in outcomes:
            score += hit if failed else miss
            if score >= upper:
                return "bad"
            if score <= lower:
                score, answer = 0.0, "good"
        return "good" if answer == "good" else "open"
