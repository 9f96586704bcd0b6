"""Renders a team's machine-learning monorepo (`mlws-new`) and operates it (`mlws`)."""

__version__ = "0.1.0"
