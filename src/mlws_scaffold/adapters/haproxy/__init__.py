"""HAProxy in front of an agent's stable and canary version: what it is told and what it saw."""
