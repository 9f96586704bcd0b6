"""The outside world, one thin file per thing. Knows nothing of workspaces."""
