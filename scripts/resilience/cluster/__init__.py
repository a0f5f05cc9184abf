"""Sends many rows on a cluster of Ray, one of whose two nodes is killed."""
