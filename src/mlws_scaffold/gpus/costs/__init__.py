"""What the use of GPUs cost: by the ledger and the prices of `mlws.toml`, and nothing guessed."""
