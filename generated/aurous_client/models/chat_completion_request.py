from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from attrs import define as _define
from attrs import field as _field

from .. import parsing as _parse
from ..encoding import encode as _encode
from ..errors import ParseError
from ..types import UNSET, JsonObject, Unset

_blank = object.__new__


@_define(kw_only=True)
class ChatCompletionRequest(JsonObject):
    """A conversation to be answered, and how. A null for an optional member counts as leaving it out."""

    model: str
    """Slug of a chat model, from the list of models. At most 128 characters."""
    messages: list[SystemMessage | UserMessage | AssistantMessage | ToolMessage]
    """The conversation, oldest message first. 1 to 200 items."""
    max_tokens: int | Unset = UNSET
    """The most tokens to make. Left out, the model's `default_max_output_tokens` applies; above its
    `max_output_tokens_hard_cap` the request is a 400 `max_tokens_exceeds_hard_cap`. At least 1.
    """
    temperature: float | Unset = UNSET
    """Sampling temperature; lower is more predictable. 0 to 2."""
    top_p: float | Unset = UNSET
    """Nucleus sampling; the probability mass to draw from. 0 to 1."""
    stream: bool | Unset = UNSET
    """Answer as server-sent events instead of one document. False when left out."""
    stream_options: StreamOptions | Unset = UNSET
    """Options of a stream; ignored when `stream` is false."""
    tools: list[Tool] | Unset = UNSET
    """Functions the model may call (`api-reference/chat/tools`)."""
    tool_choice: ToolChoiceMode | NamedToolChoice | Unset = UNSET
    """Whether the model may, may not or must call a function; `auto` when `tools` are given."""
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | Unset = UNSET
    """The form of the answer (`api-reference/chat/structured-output`)."""
    reasoning_effort: ReasoningEffort | Unset = UNSET
    """How much the model may reason before it answers; `minimal` suppresses reasoning, `medium` applies when left out.
    Ignored by models without the capability (`api-reference/chat/reasoning`). One of `minimal`, `low`, `medium`,
    `high`.
    """
    seed: int | Unset = UNSET
    """Asks for the same answer to the same request, where the model supports it."""
    stop: str | list[str] | Unset = UNSET
    """Text at which to stop, up to 4 sequences of at most 200 characters each. It is not part of the answer."""
    presence_penalty: float | Unset = UNSET
    """Above zero, discourages tokens that have appeared at all. -2 to 2."""
    frequency_penalty: float | Unset = UNSET
    """Above zero, discourages tokens the more often they have appeared. -2 to 2."""
    logprobs: bool | Unset = UNSET
    """Return the log probability of each token of the answer."""
    top_logprobs: int | Unset = UNSET
    """How many alternatives to return for each token. 0 to 20."""
    vision_quality: str | Unset = UNSET
    """Detail in which pictures are read, `xhigh` being about 2048 tokens each (`api-reference/chat/multimodal`)."""
    additional_properties: dict[str, Any] = _field(factory=dict, init=False)
    """Members that the spec does not name, as they were received or are to be sent."""

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        encoded: dict[str, Any] = _encode(self.additional_properties) if self.additional_properties else {}
        encoded["model"] = self.model
        encoded["messages"] = _encode(self.messages)
        if self.max_tokens is not UNSET:
            encoded["max_tokens"] = self.max_tokens
        if self.temperature is not UNSET:
            encoded["temperature"] = self.temperature
        if self.top_p is not UNSET:
            encoded["top_p"] = self.top_p
        if self.stream is not UNSET:
            encoded["stream"] = self.stream
        if self.stream_options is not UNSET:
            encoded["stream_options"] = _encode(self.stream_options)
        if self.tools is not UNSET:
            encoded["tools"] = _encode(self.tools)
        if self.tool_choice is not UNSET:
            encoded["tool_choice"] = _encode(self.tool_choice)
        if self.response_format is not UNSET:
            encoded["response_format"] = _encode(self.response_format)
        if self.reasoning_effort is not UNSET:
            encoded["reasoning_effort"] = self.reasoning_effort
        if self.seed is not UNSET:
            encoded["seed"] = self.seed
        if self.stop is not UNSET:
            encoded["stop"] = _encode(self.stop)
        if self.presence_penalty is not UNSET:
            encoded["presence_penalty"] = self.presence_penalty
        if self.frequency_penalty is not UNSET:
            encoded["frequency_penalty"] = self.frequency_penalty
        if self.logprobs is not UNSET:
            encoded["logprobs"] = self.logprobs
        if self.top_logprobs is not UNSET:
            encoded["top_logprobs"] = self.top_logprobs
        if self.vision_quality is not UNSET:
            encoded["vision_quality"] = self.vision_quality
        return encoded

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Reads a decoded JSON object. Raises ParseError, which tells the place."""
        _rest = {**src_dict} if src_dict.__class__ is dict else _parse.members(src_dict)
        model: Any = _rest.pop("model", UNSET)
        if model.__class__ is not str:
            model = _parse.member("model", model, _parse.string)
        messages: Any = _rest.pop("messages", UNSET)
        if messages.__class__ is list:
            try:
                messages = _parse.array(
                    messages,
                    lambda value: _parse.union(
                        value,
                        SystemMessage.from_dict,
                        UserMessage.from_dict,
                        AssistantMessage.from_dict,
                        ToolMessage.from_dict,
                    ),
                )
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "messages") from None
        else:
            messages = _parse.member(
                "messages",
                messages,
                lambda value: _parse.array(
                    value,
                    lambda value: _parse.union(
                        value,
                        SystemMessage.from_dict,
                        UserMessage.from_dict,
                        AssistantMessage.from_dict,
                        ToolMessage.from_dict,
                    ),
                ),
            )
        max_tokens: Any = _rest.pop("max_tokens", UNSET)
        if max_tokens is not UNSET and max_tokens.__class__ is not int:
            max_tokens = _parse.optional("max_tokens", max_tokens, _parse.integer)
        temperature: Any = _rest.pop("temperature", UNSET)
        if temperature is not UNSET and temperature.__class__ is not float:
            temperature = _parse.optional("temperature", temperature, _parse.number)
        top_p: Any = _rest.pop("top_p", UNSET)
        if top_p is not UNSET and top_p.__class__ is not float:
            top_p = _parse.optional("top_p", top_p, _parse.number)
        stream: Any = _rest.pop("stream", UNSET)
        if stream is not UNSET and stream.__class__ is not bool:
            stream = _parse.optional("stream", stream, _parse.boolean)
        stream_options: Any = _rest.pop("stream_options", UNSET)
        if stream_options.__class__ is dict:
            try:
                stream_options = StreamOptions.from_dict(stream_options)
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "stream_options") from None
        elif stream_options is not UNSET:
            stream_options = _parse.optional("stream_options", stream_options, StreamOptions.from_dict)
        tools: Any = _rest.pop("tools", UNSET)
        if tools.__class__ is list:
            _items: list[Any] = []
            try:
                for _item in tools:
                    _items.append(Tool.from_dict(_item))
                tools = _items
            except (ParseError, RecursionError) as _error:
                raise _parse.located(_error, "tools", len(_items)) from None
        elif tools is not UNSET:
            tools = _parse.optional("tools", tools, lambda value: _parse.array(value, Tool.from_dict))
        tool_choice: Any = _rest.pop("tool_choice", UNSET)
        if tool_choice is not UNSET:
            tool_choice = _parse.optional(
                "tool_choice",
                tool_choice,
                lambda value: _parse.union(value, _parse.open_enum, NamedToolChoice.from_dict),
            )
        response_format: Any = _rest.pop("response_format", UNSET)
        if response_format is not UNSET:
            response_format = _parse.optional(
                "response_format",
                response_format,
                lambda value: _parse.union(
                    value, TextFormat.from_dict, JsonObjectFormat.from_dict, JsonSchemaFormat.from_dict
                ),
            )
        reasoning_effort: Any = _rest.pop("reasoning_effort", UNSET)
        if reasoning_effort is not UNSET and reasoning_effort.__class__ is not str:
            reasoning_effort = _parse.optional("reasoning_effort", reasoning_effort, _parse.open_enum)
        seed: Any = _rest.pop("seed", UNSET)
        if seed is not UNSET and seed.__class__ is not int:
            seed = _parse.optional("seed", seed, _parse.integer)
        stop: Any = _rest.pop("stop", UNSET)
        if stop is not UNSET:
            stop = _parse.optional(
                "stop",
                stop,
                lambda value: _parse.union(value, _parse.string, lambda value: _parse.array(value, _parse.string)),
            )
        presence_penalty: Any = _rest.pop("presence_penalty", UNSET)
        if presence_penalty is not UNSET and presence_penalty.__class__ is not float:
            presence_penalty = _parse.optional("presence_penalty", presence_penalty, _parse.number)
        frequency_penalty: Any = _rest.pop("frequency_penalty", UNSET)
        if frequency_penalty is not UNSET and frequency_penalty.__class__ is not float:
            frequency_penalty = _parse.optional("frequency_penalty", frequency_penalty, _parse.number)
        logprobs: Any = _rest.pop("logprobs", UNSET)
        if logprobs is not UNSET and logprobs.__class__ is not bool:
            logprobs = _parse.optional("logprobs", logprobs, _parse.boolean)
        top_logprobs: Any = _rest.pop("top_logprobs", UNSET)
        if top_logprobs is not UNSET and top_logprobs.__class__ is not int:
            top_logprobs = _parse.optional("top_logprobs", top_logprobs, _parse.integer)
        vision_quality: Any = _rest.pop("vision_quality", UNSET)
        if vision_quality is not UNSET and vision_quality.__class__ is not str:
            vision_quality = _parse.optional("vision_quality", vision_quality, _parse.string)
        _made = _blank(cls)
        _made.model = model
        _made.messages = messages
        _made.max_tokens = max_tokens
        _made.temperature = temperature
        _made.top_p = top_p
        _made.stream = stream
        _made.stream_options = stream_options
        _made.tools = tools
        _made.tool_choice = tool_choice
        _made.response_format = response_format
        _made.reasoning_effort = reasoning_effort
        _made.seed = seed
        _made.stop = stop
        _made.presence_penalty = presence_penalty
        _made.frequency_penalty = frequency_penalty
        _made.logprobs = logprobs
        _made.top_logprobs = top_logprobs
        _made.vision_quality = vision_quality
        _made.additional_properties = _rest
        return _made

    def __copy__(self) -> Self:
        _made = _blank(type(self))
        _made.model = self.model
        _made.messages = self.messages
        _made.max_tokens = self.max_tokens
        _made.temperature = self.temperature
        _made.top_p = self.top_p
        _made.stream = self.stream
        _made.stream_options = self.stream_options
        _made.tools = self.tools
        _made.tool_choice = self.tool_choice
        _made.response_format = self.response_format
        _made.reasoning_effort = self.reasoning_effort
        _made.seed = self.seed
        _made.stop = self.stop
        _made.presence_penalty = self.presence_penalty
        _made.frequency_penalty = self.frequency_penalty
        _made.logprobs = self.logprobs
        _made.top_logprobs = self.top_logprobs
        _made.vision_quality = self.vision_quality
        _made.additional_properties = {**self.additional_properties}
        return _made


# At the end, so that models may refer to one another in a circle.
from .assistant_message import AssistantMessage
from .json_object_format import JsonObjectFormat
from .json_schema_format import JsonSchemaFormat
from .named_tool_choice import NamedToolChoice
from .reasoning_effort import ReasoningEffort
from .stream_options import StreamOptions
from .system_message import SystemMessage
from .text_format import TextFormat
from .tool import Tool
from .tool_choice_mode import ToolChoiceMode
from .tool_message import ToolMessage
from .user_message import UserMessage
