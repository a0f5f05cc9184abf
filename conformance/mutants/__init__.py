"""Servers with one planted fault, or one legal variation, each: what the conformance suite is tested with."""
