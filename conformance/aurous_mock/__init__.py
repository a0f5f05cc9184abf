"""The Aurous mock server: keeps the whole HTTP contract, and knows nothing of any client library."""
