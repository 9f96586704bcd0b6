"""Behaviour of an agent: cases, answers as it is served, a stored baseline, recorded answers."""
