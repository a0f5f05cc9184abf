"""Where calls go while pytest runs: its plugin sends them to a mock server, or refuses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .options import Options

Redirect: TypeAlias = "Callable[[Options], Options]"
"""The options that a call is made with, in place of its client's own. Raises ConfigurationError to refuse the call."""

_redirect: Redirect | None = None


def install(redirect: Redirect | None) -> Redirect | None:
    """Apply a redirect to the calls of all clients, those that exist already included. Returns the one before."""
    global _redirect
    previous, _redirect = _redirect, redirect
    return previous


def is_installed() -> bool:
    """Whether the options of a client are not final. One without a key can then be made."""
    return _redirect is not None


def resolve(options: Options) -> Options:
    """The options that a call is made with."""
    return options if _redirect is None else _redirect(options)
