from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

CompletionStatus: TypeAlias = Literal["completed", "in_progress", "failed", "cancelled"]
"""`completed` is the normal end; `in_progress` is seen only on retrieving a streamed completion; `failed` is a
fault of the provider or platform; `cancelled` means that a cancel was asked for or the client disconnected.
"""


COMPLETION_STATUS_VALUES: Final[tuple[CompletionStatus, ...]] = get_args(CompletionStatus)
"""The values that the spec lists. Servers may send others."""
