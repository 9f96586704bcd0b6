"""From planned to archived: moves, edits of `metadata.yaml`, results, handing over."""
