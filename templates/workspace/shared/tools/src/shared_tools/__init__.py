"""Code shared by the experiments and agents of this workspace."""
