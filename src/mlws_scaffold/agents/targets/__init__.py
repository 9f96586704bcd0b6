"""The places that agents are deployed to, behind one protocol."""
