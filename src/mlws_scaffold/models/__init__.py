"""Models: the registry, and making an Ollama server match it."""
