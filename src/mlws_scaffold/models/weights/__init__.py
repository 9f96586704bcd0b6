"""Trained weights: kept outside of git by their hash, described by a file that git keeps."""
