"""Servers with one planted fault, or one legal oddity, each: what the conformance suite itself is tested with."""
