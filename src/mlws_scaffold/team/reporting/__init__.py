"""What every written report is made of: lines with their sources, and the ways to show them."""
