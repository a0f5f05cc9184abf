"""The Aurous mock server, which implements the whole HTTP contract and imports no client library."""
