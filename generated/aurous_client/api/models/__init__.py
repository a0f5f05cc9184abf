"""The catalogue of chat and embedding models, with their prices."""
