"""Bringing a version of an agent to its users, step by step, and back."""
