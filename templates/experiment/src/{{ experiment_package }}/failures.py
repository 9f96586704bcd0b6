"""What can stop a run for a reason that a person can act on."""


class CheckpointError(RuntimeError):
    """A checkpoint cannot be used; the message says why."""


class TrainingError(RuntimeError):
    """The training cannot go on; the message says why."""
