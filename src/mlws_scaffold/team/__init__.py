"""What the whole team looks at, composed from the other rooms."""
