"""`Aurous` and `AsyncAurous`, their options and hooks."""
