"""Runs the clients of other people against the mock, and writes the table of what works."""
