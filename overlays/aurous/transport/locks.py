"""A lock that is unlocked in a forked child, even if another thread held it during the fork."""

from __future__ import annotations

import os
import sys
import threading
import weakref


class ForkSafeLock:
    """A lock for use in `with`. Reentrant, for a stream that is collected while its thread holds the lock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def reset(self) -> None:
        self._lock = threading.RLock()


_LOCKS: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


def _reset_all() -> None:
    # The thread that held it does not exist in the child, and would never release it.
    for lock in list(_LOCKS):
        lock.reset()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_reset_all)
