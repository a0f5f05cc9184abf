"""Variants and mutants: the servers on which the conformance suite itself is tested."""
