"""Executes the workflows of a rendered workspace: every `run:` step, with what it would find.

What it does not know (an expression, an action, a key) is an error: nothing is skipped in silence.
"""
