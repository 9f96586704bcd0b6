"""Tests of the team room."""
