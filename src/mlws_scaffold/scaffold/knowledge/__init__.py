"""What the team writes down: decisions, learnings, the memory of the project, and their indexes."""
