from __future__ import annotations

from typing import Final, Literal, TypeAlias

ModelKind: TypeAlias = Literal["chat", "embedding"]
"""The kinds of models."""


MODEL_KIND_VALUES: Final[tuple[ModelKind, ...]] = (
    "chat",
    "embedding",
)
"""The values that the spec lists. Servers may send others."""
