"""Generating and updating. The only room that knows Copier and Jinja."""
