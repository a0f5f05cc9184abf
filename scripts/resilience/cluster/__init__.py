"""Sends many rows on a cluster of Ray, one of whose two nodes is killed.

`cluster_run` starts the `ray_nodes` and the `driver`, which sends the rows, and checks that each is charged once.
"""
