"""Building and running a production agent's containers: `docker` and its compose plugin do it."""
