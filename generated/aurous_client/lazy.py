"""Loads submodules and their names on first access."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from threading import RLock
from typing import Any


def attach(package: str, submodules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    submodules: the submodule that defines each name; for a submodule itself, its own name
    """
    namespace = vars(sys.modules[package])
    # Two threads that import modules which refer to each other would each see the other's half initialised.
    lock = RLock()

    def get(name: str) -> Any:
        if name not in submodules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with lock:
            module = import_module(f"{package}.{submodules[name]}")
            if name not in namespace:
                namespace[name] = getattr(module, name)
            return namespace[name]

    def names() -> list[str]:
        return sorted({*namespace, *submodules})

    return get, names


__all__ = ["attach"]
