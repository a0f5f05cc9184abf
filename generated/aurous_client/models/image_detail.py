from __future__ import annotations

from typing import Final, Literal, TypeAlias

ImageDetail: TypeAlias = Literal["low", "high", "auto"]
"""About 512 tokens when low, 1024 when high, which is the default tier (`api-reference/chat/multimodal`)."""


IMAGE_DETAIL_VALUES: Final[tuple[ImageDetail, ...]] = (
    "low",
    "high",
    "auto",
)
"""The values that the spec lists. Servers may send others."""
