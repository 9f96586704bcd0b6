"""The experiment's own code: data, model, training loop and the two commands."""
