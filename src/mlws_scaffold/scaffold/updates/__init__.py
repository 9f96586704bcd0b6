"""The parts of `update.py`: which release, what changes, a scratch clone, how it is applied."""
