"""Stores of completions, idempotency keys and balances: in memory or in a database."""
