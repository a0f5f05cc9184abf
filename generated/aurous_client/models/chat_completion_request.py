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
_len = len
_NAMES: frozenset[str] = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "temperature",
        "top_p",
        "stream",
        "stream_options",
        "tools",
        "tool_choice",
        "response_format",
        "reasoning_effort",
        "seed",
        "stop",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
        "vision_quality",
    }
)


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
        if src_dict.__class__ is not dict:
            src_dict = _parse.members(src_dict)
        _known = 2
        model: Any = src_dict.get("model", UNSET)
        if model.__class__ is not str:
            model = _parse.member("model", model, _parse.string)
        messages: Any = src_dict.get("messages", UNSET)
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
        max_tokens: Any = UNSET
        if "max_tokens" in src_dict:
            _known += 1
            max_tokens = src_dict["max_tokens"]
            if max_tokens.__class__ is not int:
                max_tokens = _parse.optional("max_tokens", max_tokens, _parse.integer)
        temperature: Any = UNSET
        if "temperature" in src_dict:
            _known += 1
            temperature = src_dict["temperature"]
            if temperature.__class__ is not float:
                temperature = _parse.optional("temperature", temperature, _parse.number)
        top_p: Any = UNSET
        if "top_p" in src_dict:
            _known += 1
            top_p = src_dict["top_p"]
            if top_p.__class__ is not float:
                top_p = _parse.optional("top_p", top_p, _parse.number)
        stream: Any = UNSET
        if "stream" in src_dict:
            _known += 1
            stream = src_dict["stream"]
            if stream.__class__ is not bool:
                stream = _parse.optional("stream", stream, _parse.boolean)
        stream_options: Any = UNSET
        if "stream_options" in src_dict:
            _known += 1
            stream_options = src_dict["stream_options"]
            if stream_options.__class__ is dict:
                try:
                    stream_options = StreamOptions.from_dict(stream_options)
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "stream_options") from None
            else:
                stream_options = _parse.optional("stream_options", stream_options, StreamOptions.from_dict)
        tools: Any = UNSET
        if "tools" in src_dict:
            _known += 1
            tools = src_dict["tools"]
            if tools.__class__ is list:
                _items: list[Any] = []
                try:
                    _from_dict = Tool.from_dict
                    for _item in tools:
                        _items.append(_from_dict(_item))
                    tools = _items
                except (ParseError, RecursionError) as _error:
                    raise _parse.located(_error, "tools", len(_items)) from None
            else:
                tools = _parse.optional("tools", tools, lambda value: _parse.array(value, Tool.from_dict))
        tool_choice: Any = UNSET
        if "tool_choice" in src_dict:
            _known += 1
            tool_choice = src_dict["tool_choice"]
            tool_choice = _parse.optional(
                "tool_choice",
                tool_choice,
                lambda value: _parse.union(value, _parse.open_enum, NamedToolChoice.from_dict),
            )
        response_format: Any = UNSET
        if "response_format" in src_dict:
            _known += 1
            response_format = src_dict["response_format"]
            response_format = _parse.optional(
                "response_format",
                response_format,
                lambda value: _parse.union(
                    value, TextFormat.from_dict, JsonObjectFormat.from_dict, JsonSchemaFormat.from_dict
                ),
            )
        reasoning_effort: Any = UNSET
        if "reasoning_effort" in src_dict:
            _known += 1
            reasoning_effort = src_dict["reasoning_effort"]
            if reasoning_effort.__class__ is not str:
                reasoning_effort = _parse.optional("reasoning_effort", reasoning_effort, _parse.open_enum)
        seed: Any = UNSET
        if "seed" in src_dict:
            _known += 1
            seed = src_dict["seed"]
            if seed.__class__ is not int:
                seed = _parse.optional("seed", seed, _parse.integer)
        stop: Any = UNSET
        if "stop" in src_dict:
            _known += 1
            stop = src_dict["stop"]
            stop = _parse.optional(
                "stop",
                stop,
                lambda value: _parse.union(value, _parse.string, lambda value: _parse.array(value, _parse.string)),
            )
        presence_penalty: Any = UNSET
        if "presence_penalty" in src_dict:
            _known += 1
            presence_penalty = src_dict["presence_penalty"]
            if presence_penalty.__class__ is not float:
                presence_penalty = _parse.optional("presence_penalty", presence_penalty, _parse.number)
        frequency_penalty: Any = UNSET
        if "frequency_penalty" in src_dict:
            _known += 1
            frequency_penalty = src_dict["frequency_penalty"]
            if frequency_penalty.__class__ is not float:
                frequency_penalty = _parse.optional("frequency_penalty", frequency_penalty, _parse.number)
        logprobs: Any = UNSET
        if "logprobs" in src_dict:
            _known += 1
            logprobs = src_dict["logprobs"]
            if logprobs.__class__ is not bool:
                logprobs = _parse.optional("logprobs", logprobs, _parse.boolean)
        top_logprobs: Any = UNSET
        if "top_logprobs" in src_dict:
            _known += 1
            top_logprobs = src_dict["top_logprobs"]
            if top_logprobs.__class__ is not int:
                top_logprobs = _parse.optional("top_logprobs", top_logprobs, _parse.integer)
        vision_quality: Any = UNSET
        if "vision_quality" in src_dict:
            _known += 1
            vision_quality = src_dict["vision_quality"]
            if vision_quality.__class__ is not str:
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
        _made.additional_properties = {} if _len(src_dict) == _known else _parse.others(src_dict, _NAMES)
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
