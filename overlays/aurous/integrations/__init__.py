"""Bulk work on the engines of a cluster: the callable for Dask's `map_partitions` and Spark's `mapInPandas`.

`aurous.integrations.ray` has the one for Ray Data, and `aurous.batch` is for one machine.
"""

from .mapper import ChatMapper

__all__ = ["ChatMapper"]
