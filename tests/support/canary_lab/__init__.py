"""A laboratory for deployments: agents with faults, steady traffic, and what callers got."""
