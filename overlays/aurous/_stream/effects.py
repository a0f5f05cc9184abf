"""What the flow of a stream asks of its shell, and what it is told. Values only.

They stand to a stream as `steps` do to a call: a generator yields them, and whoever can wait carries them out.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from .._request.effects import Steps

T = TypeVar("T")


@frozen
class Read:
    """Read the next piece of the body. Told: bytes, None after the last, or a Failure."""

    patience: Callable[[], float]
    """Seconds that it may take, when it begins to wait."""


@frozen
class HangUp:
    """Close the body. Read to its end, it leaves its connection usable; otherwise the server sees the client go."""


@frozen
class Carry:
    """Carry out the steps of a call. Told: its result."""

    steps: Steps[Any]
    is_shielded: bool = False
    """Whether to do so even while the caller is being cancelled, because it is part of leaving."""


Moves: TypeAlias = Generator[Read | HangUp | Carry, Any, T]
