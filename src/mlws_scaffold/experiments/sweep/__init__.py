"""Many runs of one experiment, over its configuration: what is tried, in which order, what came."""
