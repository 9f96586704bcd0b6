"""Experiments: what they declare, what they gave, who owns them."""
