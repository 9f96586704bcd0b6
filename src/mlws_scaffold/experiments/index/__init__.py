"""The experiments of all branches: read from git, kept in a cache, listed, searched, compared."""
