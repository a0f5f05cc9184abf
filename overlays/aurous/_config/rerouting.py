"""Reroutes the calls of all clients in tests: `aurous.testing` sends them to a mock server, or refuses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .options import Options

Rerouting: TypeAlias = "Callable[[Options], Options]"
"""Returns the options of a call, in place of its client's own. Raises ConfigurationError to refuse the call."""

installed: Rerouting | None = None
"""None: the options of a client are final. Otherwise, a client without a key can be made."""


def install(rerouting: Rerouting | None) -> Rerouting | None:
    """Apply a rerouting to the calls of all clients, including those that exist already. Returns the previous one."""
    global installed
    previous, installed = installed, rerouting
    return previous


def uninstall(rerouting: Rerouting) -> None:
    """Stop applying a rerouting, if it is the installed one."""
    global installed
    if installed == rerouting:
        installed = None
