from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

ModelKind: TypeAlias = Literal["chat", "embedding"]
"""The kinds of models."""


MODEL_KIND_VALUES: Final[tuple[ModelKind, ...]] = get_args(ModelKind)
"""The values that the spec lists. Servers may send others."""
