"""GPUs: what is there, who has reserved it, and the store that both rest on."""
