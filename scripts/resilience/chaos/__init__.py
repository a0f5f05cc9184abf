"""Calls and streams under injected faults and server kills, compared with the server's ledger."""
