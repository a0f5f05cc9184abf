"""Settings of a client: the key, options, policies and hooks."""
