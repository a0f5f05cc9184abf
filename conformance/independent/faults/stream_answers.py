"""Faults of the content of streams and of log probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..messages import Call
from ..streams import Frame, Stream
from .documents import edit_documents

CREATE = "api-reference/chat/create-a-chat-completion"
STREAMING = "api-reference/chat/streaming"
TOOLS = "api-reference/chat/tools"


def edit_frames(application: Application, edit: Callable[[Stream, Frame], Frame | None]) -> None:
    def edited(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            changed = edit(stream, frame)
            if changed is not None:
                yield changed

    application.seams.frames.append(edited)


def _entries(choice: dict[str, Any]) -> list[dict[str, Any]]:
    return (choice.get("logprobs") or {}).get("content") or []


def _edit_entries(application: Application, edit: Callable[[dict[str, Any]], object], *, stream: bool) -> None:
    """Change every token's entry of log probabilities, in documents or in streams."""
    if stream:

        def change(stream: Stream, frame: Frame) -> Frame:
            for choice in frame.data["choices"] if frame.kind == "text" else []:
                for entry in _entries(choice):
                    edit(entry)
            return frame

        edit_frames(application, change)
        return

    def change_document(document: dict[str, Any]) -> None:
        for entry in _entries(document["choices"][0]):
            edit(entry)

    edit_documents(application, lambda call, completion: call.route == "create", change_document)


@FAULTS.plant(CREATE, "create_logprobs")
def top_logprobs_one_short(application: Application) -> None:
    """A token has one alternative less than top_logprobs asks for."""
    _edit_entries(application, _drop, stream=False)


def _drop(entry: dict[str, Any]) -> None:
    entry["top_logprobs"] = entry["top_logprobs"][:-1]


@FAULTS.plant(CREATE, "stream_logprobs")
def top_logprobs_one_short_in_streams(application: Application) -> None:
    """A streamed token has one alternative less than top_logprobs asks for."""
    _edit_entries(application, _drop, stream=True)


@FAULTS.plant(CREATE, "stream_logprobs")
def top_logprobs_missing_in_streams(application: Application) -> None:
    """A streamed token has no alternatives though top_logprobs asks for some."""
    _edit_entries(application, lambda entry: entry.pop("top_logprobs"), stream=True)


@FAULTS.plant(CREATE, "create_logprobs", "create_plain_logprobs")
def logprobs_positive(application: Application) -> None:
    """Log probabilities are above zero."""
    _edit_entries(application, lambda entry: entry.update(logprob=-entry["logprob"]), stream=False)


@FAULTS.plant(CREATE, "stream_logprobs", "stream_plain_logprobs")
def logprobs_of_other_tokens_in_streams(application: Application) -> None:
    """The tokens that have log probabilities are not those of the streamed text."""
    _edit_entries(application, lambda entry: entry.update(token=entry["token"].strip() + "_"), stream=True)


@FAULTS.plant(CREATE, "create_logprobs", "create_plain_logprobs")
def logprobs_of_the_first_token_only(application: Application) -> None:
    """Only the first token has log probabilities."""

    def cut(document: dict[str, Any]) -> None:
        if _entries(document["choices"][0]):
            del document["choices"][0]["logprobs"]["content"][1:]

    edit_documents(application, lambda call, completion: call.route == "create", cut)


@FAULTS.plant(CREATE, "stream_without_usage")
def usage_sent_though_suppressed(application: Application) -> None:
    """A stream with include_usage false carries usage."""

    def add(stream: Stream, frame: Frame) -> Frame:
        if frame.kind == "last" and not stream.completion.request.include_usage:
            frame.data["usage"] = stream.completion.usage()
        return frame

    edit_frames(application, add)


@FAULTS.plant(CREATE, "stream_without_usage")
def finish_reason_suppressed_with_usage(application: Application) -> None:
    """A stream with include_usage false has no last chunk."""
    edit_frames(
        application,
        lambda stream, frame: frame if frame.kind != "last" or stream.completion.request.include_usage else None,
    )


@FAULTS.plant(CREATE, "stream_with_usage")
def usage_missing_though_asked(application: Application) -> None:
    """A stream with include_usage true carries no usage."""

    def remove(stream: Stream, frame: Frame) -> Frame:
        options = stream.completion.request.body.get("stream_options") or {}
        if frame.kind == "last" and options.get("include_usage") is True:
            frame.data.pop("usage", None)
        return frame

    edit_frames(application, remove)


@FAULTS.plant(STREAMING, "stream_text", "stream_reasoning")
def streamed_total_without_reasoning(application: Application) -> None:
    """total_tokens in the last chunk leaves reasoning tokens out."""

    def change(stream: Stream, frame: Frame) -> Frame:
        if frame.kind == "last" and "usage" in frame.data:
            usage = frame.data["usage"]
            usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        return frame

    edit_frames(application, change)


@FAULTS.plant("api-reference/chat/reasoning", "stream_reasoning")
def reasoning_streamed(application: Application) -> None:
    """The text of a stream begins with reasoning that the record does not have."""

    def think(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            yield frame
            if frame.kind == "role" and stream.completion.request.reasoning_effort == "high":
                yield Frame("text", stream.chunk({"content": "Let me think. "}))

    application.seams.frames.append(think)


@FAULTS.plant(STREAMING, "stream_text")
def chunks_in_an_envelope(application: Application) -> None:
    """Chunks of text are wrapped in a data member."""
    edit_frames(
        application, lambda stream, frame: Frame("text", {"data": frame.data}) if frame.kind == "text" else frame
    )


@FAULTS.plant(STREAMING, "stream_structured")
def structured_text_repeated(application: Application) -> None:
    """Every chunk of a structured answer carries the text so far instead of what it adds."""
    texts: dict[str, str] = {}

    def accumulate(stream: Stream, frame: Frame) -> Frame:
        if frame.kind == "text" and stream.completion.request.asks_for_json:
            delta = frame.data["choices"][0]["delta"]
            texts[stream.completion.id] = delta["content"] = texts.get(stream.completion.id, "") + delta["content"]
        return frame

    edit_frames(application, accumulate)


def _edit_calls(application: Application, edit: Callable[[dict[str, Any]], object]) -> None:
    def change(stream: Stream, frame: Frame) -> Frame:
        if frame.kind == "call":
            edit(frame.data["choices"][0]["delta"]["tool_calls"][0])
        return frame

    edit_frames(application, change)


@FAULTS.plant(TOOLS, "stream_tools")
def streamed_call_without_index(application: Application) -> None:
    """The pieces of a streamed call have no index."""
    _edit_calls(application, lambda call: call.pop("index"))


@FAULTS.plant(TOOLS, "stream_tools")
def streamed_call_without_id(application: Application) -> None:
    """A streamed call has no id."""
    _edit_calls(application, lambda call: call.pop("id", None))


@FAULTS.plant(TOOLS, "stream_tools")
def streamed_call_without_name(application: Application) -> None:
    """A streamed call has no name."""
    _edit_calls(application, lambda call: call["function"].pop("name", None))


@FAULTS.plant(TOOLS, "stream_tools")
def streamed_call_renumbered(application: Application) -> None:
    """The pieces of the arguments of a streamed call belong to another index than its name."""
    _edit_calls(application, lambda call: call.update(index=call["index"] if "id" in call else 1))


@FAULTS.plant(STREAMING, "stream_tools")
def streamed_call_says_stop(application: Application) -> None:
    """The finish_reason of a stream that calls tools is not that of the record."""

    def change(stream: Stream, frame: Frame) -> Frame:
        if frame.kind == "last" and stream.completion.answer.call_ids:
            frame.data["choices"][0]["finish_reason"] = "stop"
        return frame

    edit_frames(application, change)


@FAULTS.plant(CREATE, "stream_choices")
def two_choices_in_streams(application: Application) -> None:
    """n makes a second choice in the chunks of a stream."""

    def change(stream: Stream, frame: Frame) -> Frame:
        if frame.kind == "text" and stream.completion.request.body.get("n") == 2:
            frame.data["choices"].append(frame.data["choices"][0] | {"index": 1})
        return frame

    edit_frames(application, change)


@FAULTS.plant(STREAMING, "stream_text")
def streamed_text_missing(application: Application) -> None:
    """A stream of plain text carries no text."""

    def join(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        if stream.kinds != {"text"}:
            yield from frames
            return
        yield from (frame for frame in frames if frame.kind != "text")

    application.seams.frames.append(join)


@FAULTS.plant(STREAMING, "stream_text")
def stream_answered_with_a_document(application: Application) -> None:
    """A stream asked for without options is answered with a document."""

    def change(call: Call) -> None:
        if call.streams and set(call.body) <= {"model", "messages", "stream", "max_tokens"}:
            call.body["stream"] = False

    application.seams.call.append(change)
