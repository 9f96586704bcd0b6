"""Agents: which there are, what they promise, where they came from."""
