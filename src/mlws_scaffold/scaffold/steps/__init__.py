"""The steps of `setup.py`, one function each."""
