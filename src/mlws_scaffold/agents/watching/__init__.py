"""Whether a canary is good enough, from what users got: evidence, thresholds and a verdict."""
