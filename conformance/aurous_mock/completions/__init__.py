"""The life of a completion, from its request to its record."""
