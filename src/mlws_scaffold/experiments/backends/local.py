"""The machine one sits at: a process in the background that outlives the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mlws_scaffold.adapters import children
from mlws_scaffold.experiments.backends import Situation, Task, Terms, Ticket, tail


class Local:
    """One supervising process for each task."""

    def submit(self, tasks: Sequence[Task], _terms: Terms) -> tuple[Ticket, ...]:
        tickets = []
        for task in tasks:
            watcher = children.detach(task.command, task.log.parent, os.environ, task.log)
            known = children.identity(watcher)
            tickets.append(Ticket(known, task.log, known))
        return tuple(tickets)

    def plan(self, tasks: Sequence[Task], _terms: Terms) -> str:
        return "".join(f"{' '.join(task.command)}\n" for task in tasks)

    def state(self, ticket: Ticket) -> Situation:
        lives = children.alive(ticket.job)
        return Situation("unknown" if lives is None else "running" if lives else "finished")

    def logs(self, ticket: Ticket, skip: int) -> bytes:
        return tail(ticket.log, skip)

    def cancel(self, ticket: Ticket) -> None:
        children.terminate(ticket.job)
