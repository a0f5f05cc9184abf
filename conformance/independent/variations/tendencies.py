"""Variations of the answers of the model."""

from __future__ import annotations

import json
import random
from typing import Any

from ..application import Application
from ..changes import VARIATIONS
from ..chat_request import ChatRequest
from ..faults.stream_answers import edit_frames
from ..seams import around
from ..streams import Frame, Stream

TOOLS = "api-reference/chat/tools"
CREATE = "api-reference/chat/create-a-chat-completion"


@VARIATIONS.plant(CREATE, "create_text", "stream_text")
def answers_of_two_words(application: Application) -> None:
    """Answers are as short as they can be, so that there is hardly anything to cut or to cancel."""
    application.chat.fake_model.text = lambda request: "All right."  # type: ignore[method-assign]


@VARIATIONS.plant(CREATE, "create_text")
def answers_without_end(application: Application) -> None:
    """Answers are hundreds of words long."""

    @around(application.chat.fake_model, "words_wanted")
    def words_wanted(original: Any, request: ChatRequest) -> int:
        wanted: int = original(request)
        return max(600, wanted)


@VARIATIONS.plant(CREATE, "same_question_twice")
def answers_never_repeat(application: Application) -> None:
    """The same question gets another answer every time, whatever the seed."""
    source = random.Random(7)

    @around(application.chat.fake_model, "_seed")
    def seed(original: Any, request: ChatRequest) -> str:
        return str(source.random())


@VARIATIONS.plant(CREATE, "create_text", "stream_text")
def answers_beyond_ascii(application: Application) -> None:
    """Answers are written in several scripts, with emoji."""

    @around(application.chat.fake_model, "text")
    def text(original: Any, request: ChatRequest) -> str:
        return f"Blåbær 日本語 👩‍👩‍👧 naïve — {original(request)}"


@VARIATIONS.plant("guides/cost-transparency", "create_text", "create_reasoning")
def never_reasons(application: Application) -> None:
    """The model does not reason, and does not list the capability."""
    application.chat.fake_model.reasoning_tokens = lambda request: 0  # type: ignore[method-assign]
    application.chat.models["aurous-grow-2.0-pro"].capabilities.remove("reasoning_effort")


@VARIATIONS.plant("guides/cost-transparency", "create_text")
def reasons_only_when_asked(application: Application) -> None:
    """Reasoning is disabled unless reasoning_effort is sent."""

    @around(application.chat.fake_model, "reasoning_tokens")
    def reasoning_tokens(original: Any, request: ChatRequest) -> int:
        return original(request) if "reasoning_effort" in request.body else 0


@VARIATIONS.plant(TOOLS, "create_tools", "stream_tools")
def tools_left_alone(application: Application) -> None:
    """With tool_choice auto the model answers in text."""

    @around(application.chat.fake_model, "tools_to_call")
    def tools_to_call(original: Any, request: ChatRequest) -> Any:
        return original(request) if isinstance(request.tool_choice, dict) else []


@VARIATIONS.plant(TOOLS, "create_tools", "stream_tools")
def two_calls_at_once(application: Application) -> None:
    """With tool_choice auto the model calls the same function twice at once."""

    @around(application.chat.fake_model, "tools_to_call")
    def tools_to_call(original: Any, request: ChatRequest) -> Any:
        functions = original(request)
        return functions if isinstance(request.tool_choice, dict) else functions * 2


@VARIATIONS.plant("guides/openai-drop-in", "create_named_tool", "stream_named_tool")
def named_call_ends_with_stop(application: Application) -> None:
    """A call that tool_choice names ends with the finish_reason stop, as OpenAI's does."""

    def change(call: Any, request: ChatRequest, answer: Any) -> None:
        if isinstance(request.tool_choice, dict) and answer.finish_reason == "tool_calls":
            answer.finish_reason = "stop"

    application.seams.answer.append(change)


@VARIATIONS.plant("api-reference/chat/structured-output", "create_structured", "stream_structured")
def structured_answers_indented(application: Application) -> None:
    """Structured answers are indented JSON."""

    @around(application.chat.fake_model, "structured")
    def structured(original: Any, request: ChatRequest) -> str:
        return json.dumps(json.loads(original(request)), indent=2)


@VARIATIONS.plant(CREATE, "stream_logprobs")
def streamed_logprobs_without_bytes(application: Application) -> None:
    """Streamed log probabilities have null bytes."""

    def change(stream: Stream, frame: Frame) -> Frame:
        for choice in frame.data["choices"] if frame.kind == "text" else []:
            for entry in (choice.get("logprobs") or {}).get("content") or []:
                entry["bytes"] = None
        return frame

    edit_frames(application, change)
