"""The names that the spec gives to unions, arrays and scalars."""

from __future__ import annotations

from typing import Any, TypeAlias

from .assistant_message import AssistantMessage
from .image_url_part import ImageUrlPart
from .json_object_format import JsonObjectFormat
from .json_schema_format import JsonSchemaFormat
from .named_tool_choice import NamedToolChoice
from .system_message import SystemMessage
from .text_format import TextFormat
from .text_part import TextPart
from .token_logprob import TokenLogprob
from .tool_choice_mode import ToolChoiceMode
from .tool_message import ToolMessage
from .user_message import UserMessage
from .video_url_part import VideoUrlPart

ChatMessage: TypeAlias = SystemMessage | UserMessage | AssistantMessage | ToolMessage
"""One turn of the conversation. Roles other than these four are not documented."""


ContentPart: TypeAlias = TextPart | ImageUrlPart | VideoUrlPart
"""One part of a message."""


Dimensions: TypeAlias = list[int]
"""Lengths of vectors."""


JsonSchema: TypeAlias = dict[str, Any]
"""A JSON Schema, passed on as it is."""


MessageContent: TypeAlias = str | list[TextPart | ImageUrlPart | VideoUrlPart]
"""Plain text, or parts of text, pictures and video (`api-reference/chat/multimodal`)."""


ResponseFormat: TypeAlias = TextFormat | JsonObjectFormat | JsonSchemaFormat
"""The form of the answer (`api-reference/chat/structured-output`)."""


TokenBytes: TypeAlias = list[int]
"""Bytes, as numbers."""


TokenLogprobs: TypeAlias = list[TokenLogprob]
"""One entry for each token."""


ToolChoice: TypeAlias = ToolChoiceMode | NamedToolChoice
"""Whether the model may, may not or must call a function; `auto` when `tools` are given."""
