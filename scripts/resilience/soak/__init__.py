"""Clients kept busy for a while, and whether they leak."""
