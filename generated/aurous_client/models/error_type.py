from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

ErrorType: TypeAlias = Literal["invalid_request", "authentication", "not_found", "rate_limit", "server_error"]
"""The five families of faults."""


ERROR_TYPE_VALUES: Final[tuple[ErrorType, ...]] = get_args(ErrorType)
"""The values that the spec lists. Servers may send others."""
