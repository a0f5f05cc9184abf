"""A lock that is open in a forked process, whoever held it at the fork. Knows nothing of what it guards."""

from __future__ import annotations

import os
import sys
import threading
import weakref


class Lock:
    """A lock for `with`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _LOCKS.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def renew(self) -> None:
        self._lock = threading.Lock()


_LOCKS: weakref.WeakSet[Lock] = weakref.WeakSet()


def _renew_all() -> None:
    # The thread that held one is not in the child, and would never let go of it.
    for lock in list(_LOCKS):
        lock.renew()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_renew_all)
