"""Loads what a package offers when it is asked for. Knows names and the modules they stand in, nothing of either."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import RLock
from typing import Any


def offer(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    homes: the module below the package in which each name stands; for a module itself, its own name
    """
    namespace = vars(sys.modules[package])
    # Of two threads that load modules which refer to one another, each would be given half of the other's.
    lock = RLock()

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with lock:
            module = import_module(f"{package}.{homes[name]}")
            if name not in namespace:
                namespace[name] = getattr(module, name)
            return namespace[name]

    def names() -> list[str]:
        return sorted({*namespace, *homes})

    return get, names


__all__ = ["offer"]
