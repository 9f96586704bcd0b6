"""A model's way from development to production and back, and the record of it."""
