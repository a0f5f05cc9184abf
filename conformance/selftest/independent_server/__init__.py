"""Tests of the independent server and of what can be planted in it."""
