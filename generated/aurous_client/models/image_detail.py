from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

ImageDetail: TypeAlias = Literal["low", "high", "auto"]
"""About 512 tokens when low, 1024 when high, which is the default tier (`api-reference/chat/multimodal`)."""


IMAGE_DETAIL_VALUES: Final[tuple[ImageDetail, ...]] = get_args(ImageDetail)
"""The values that the spec lists. Servers may send others."""
