"""Calls and streams through a faulty network, checked against the server's ledger."""
