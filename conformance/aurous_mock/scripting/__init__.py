"""Scripted answers: what they say, which requests they are for, and where they come from."""
