"""Locks that are unlocked in a forked child, even if another thread held them during the fork."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from typing import Protocol


class Owner(Protocol):
    """An object with a lock, named `_lock`."""

    _lock: threading.RLock


_OWNERS: weakref.WeakSet[Owner] = weakref.WeakSet()


def fork_safe_lock(owner: Owner) -> threading.RLock:
    """A lock for `owner._lock`. Reentrant, for a stream that is collected while its thread holds the lock."""
    _OWNERS.add(owner)
    return threading.RLock()


def share_lock(owner: Owner) -> None:
    """Also renew the lock of an object that shares the lock of another."""
    _OWNERS.add(owner)


def renew_locks() -> None:
    """Give all owners new locks: the thread that held one does not exist in the child, and would never release it."""
    renewed: dict[int, threading.RLock] = {}
    for owner in list(_OWNERS):
        owner._lock = renewed.setdefault(id(owner._lock), threading.RLock())


if sys.platform != "win32":
    os.register_at_fork(after_in_child=renew_locks)
