"""Stands before the package of this name on a process's path, as if that were not installed."""

raise ImportError("click is not installed")
