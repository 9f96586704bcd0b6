"""What runs have used: an append-only ledger in the team's store, and the sampler that fills it."""
