"""Tests of the conformance suite: variants, which are planted faults and legal variations, and mutants of the mock."""
