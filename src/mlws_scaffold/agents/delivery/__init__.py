"""From a tag to an image that may be deployed: what a release says, and whether its image works."""
