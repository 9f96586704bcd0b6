"""Parses what was typed, prints what was found, sets the exit code. Decides nothing."""
