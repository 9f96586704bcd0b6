"""The team's page: one HTML file made of the snapshot, and of nothing else."""
