"""GPUs: what is there."""
