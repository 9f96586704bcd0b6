"""The weekly review: what the week came to, and what should change, by rule and evidence."""
