from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

ToolChoiceMode: TypeAlias = Literal["auto", "none", "required"]
"""`auto` lets the model decide and `none` forbids calls. `required` answers 400 `tool_choice_required_unsupported`
on models that lack the capability.
"""


TOOL_CHOICE_MODE_VALUES: Final[tuple[ToolChoiceMode, ...]] = get_args(ToolChoiceMode)
"""The values that the spec lists. Servers may send others."""
