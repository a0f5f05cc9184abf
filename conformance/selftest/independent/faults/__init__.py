"""Every fault that can be planted."""

from ..plants import Registry

ALL = Registry()
