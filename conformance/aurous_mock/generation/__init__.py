"""The fake model, and what it shares with other engines: requests, answers and tokens."""
