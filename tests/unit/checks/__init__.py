"""The checks room, on workspaces built in each test."""
