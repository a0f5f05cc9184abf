from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

ReasoningEffort: TypeAlias = Literal["minimal", "low", "medium", "high"]
"""How much the model may reason before it answers; `minimal` suppresses reasoning, `medium` applies when left out.
Ignored by models without the capability (`api-reference/chat/reasoning`).
"""


REASONING_EFFORT_VALUES: Final[tuple[ReasoningEffort, ...]] = get_args(ReasoningEffort)
"""The values that the spec lists. Servers may send others."""
