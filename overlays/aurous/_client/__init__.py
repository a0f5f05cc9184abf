"""The clients `Aurous` and `AsyncAurous`, and `client.request(...)`."""
