"""A backend inside the test: tasks wait until they are let go, and then run right here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlws_scaffold.errors import Unavailable
from mlws_scaffold.experiments.backends import Situation, Task, Terms, Ticket, Word, tail
from mlws_scaffold.experiments.run import supervise


class InProcess:
    """`refuses`: it takes nothing. `patience`: so often a task is still waiting when asked."""

    def __init__(self, *, refuses: bool = False, patience: int = 0) -> None:
        self.refuses = refuses
        self.patience = patience
        self.tasks: dict[str, Task] = {}
        self.words: dict[str, Word] = {}
        self.terms = Terms()

    def submit(self, tasks: Sequence[Task], terms: Terms) -> tuple[Ticket, ...]:
        if self.refuses:
            raise Unavailable("the queue is closed")
        self.terms = terms
        for task in tasks:
            self.tasks[task.run_id] = task
            self.words[task.run_id] = "waiting"
        return tuple(Ticket(task.run_id, task.log) for task in tasks)

    def plan(self, tasks: Sequence[Task], terms: Terms) -> str:
        return f"{len(tasks)} tasks with {dict(terms.asks)}\n"

    def state(self, ticket: Ticket) -> Situation:
        if self.words[ticket.job] == "waiting":
            if self.patience:
                self.patience -= 1
            else:
                status = supervise.main(Path(self.tasks[ticket.job].command[-1]))
                self.words[ticket.job] = "failed" if status else "finished"
        return Situation(self.words[ticket.job])

    def logs(self, ticket: Ticket, skip: int) -> bytes:
        return tail(ticket.log, skip)

    def cancel(self, ticket: Ticket) -> None:
        self.words[ticket.job] = "cancelled"
