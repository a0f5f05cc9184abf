"""Probes: fixed exchanges with a server, whose observations differ between a variant and the correct server."""

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
