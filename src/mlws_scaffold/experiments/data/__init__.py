"""Data that is too large for git: declared in `metadata.yaml`, kept by its hash."""
