"""Serving an agent on this machine: a prototype under the server that production ships."""
