from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "cancelled"]
"""The pages show `stop` and `cancelled`; the others are OpenAI's, whose shapes the API follows."""


FINISH_REASON_VALUES: Final[tuple[FinishReason, ...]] = get_args(FinishReason)
"""The values that the spec lists. Servers may send others."""
