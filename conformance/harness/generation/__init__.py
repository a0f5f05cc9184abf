"""Requests that the suite generates from the contract: bounds, samples and schemathesis."""
