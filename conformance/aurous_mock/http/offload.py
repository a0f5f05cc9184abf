"""Runs work on large bodies in a thread, so that other requests do not wait for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Smaller bodies take a few milliseconds at most.
LARGE: Final = 8 * 1024
# One thread: each more would halve the event loop's share of the interpreter.
_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aurous-mock-bodies")


async def run(size: int, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """`function(*arguments)`, which works on a body of `size` bytes."""
    if size < LARGE:
        return function(*arguments)
    return await asyncio.get_running_loop().run_in_executor(_executor, function, *arguments)
