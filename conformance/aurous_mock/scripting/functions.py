"""Python functions as answers and conditions of scripts: known by a name, in the process that has them."""

import threading
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

_lock = threading.Lock()
_names = count(1)
_functions: dict[str, Callable[[Any], Any]] = {}


def register(function: Callable[[Any], Any]) -> str:
    """The name of a function, until it is removed."""
    with _lock:
        name = f"function {next(_names)}"
        _functions[name] = function
    return name


def find(name: str) -> Callable[[Any], Any] | None:
    return _functions.get(name)


def remove(names: Iterable[str]) -> None:
    with _lock:
        for name in names:
            _functions.pop(name, None)
