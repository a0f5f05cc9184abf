"""Where calls go in tests: `aurous.testing` sends them to a mock server, or refuses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .options import Options

Redirect: TypeAlias = "Callable[[Options], Options]"
"""The options that a call is made with, in place of its client's own. Raises ConfigurationError to refuse the call."""

installed: Redirect | None = None
"""None where the options of a client are final. Otherwise, one without a key can be made."""


def install(redirect: Redirect | None) -> Redirect | None:
    """Apply a redirect to the calls of all clients, those that exist already included. Returns the one before."""
    global installed
    previous, installed = installed, redirect
    return previous


def uninstall(redirect: Redirect) -> None:
    """Apply a redirect no more, if it is the one in use."""
    global installed
    if installed == redirect:
        installed = None
