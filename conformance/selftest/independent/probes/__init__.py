"""Probes: fixed exchanges with a server, by which a planted one is told from the correct one."""

from . import access, answers, bounds, combinations, errors, keys, lifecycle, money, streams
from .prober import PROBES, observe

__all__ = [
    "PROBES",
    "access",
    "answers",
    "bounds",
    "combinations",
    "errors",
    "keys",
    "lifecycle",
    "money",
    "observe",
    "streams",
]
