"""The standup: what happened since the last working day, who waits, what comes."""
