"""The grammar of a stream: what must hold for the frames of every kind of stream."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from harness import contract
from harness.checks.check import Check
from harness.client.stream import DONE, Transcript, is_bare_warning
from harness.rules import CHAT_IDEMPOTENCY, CREATE, STREAMING

STATUS = "Aurous-Idempotency-Status"
REPLAYED = "Aurous-Idempotent-Replayed"
EVENT_STREAM = "text/event-stream"


# ---------------------------------------------------------------- which streams a rule applies to


def any_stream(_: Transcript) -> bool:
    return True


def is_event_stream(stream: Transcript) -> bool:
    """Whether its frames can be read, as far as the stream was read."""
    return stream.exchange.media_type == EVENT_STREAM and bool(stream.events)


def has_ending(stream: Transcript) -> bool:
    """Whether it was read to an end that the documentation describes.

    What a stream that failed on its way ends with is not documented. Nor is the end of a cancelled one: it may just
    end; but one that says how it finished says so as every other stream does.
    """
    if not (is_event_stream(stream) and stream.exchange.complete) or stream.errors:
        return False
    return not stream.is_cancelled or bool(stream.finish_reasons or stream.usages)


def has_usage(stream: Transcript) -> bool:
    return has_ending(stream) and not stream.suppresses_usage


def has_no_usage(stream: Transcript) -> bool:
    return is_event_stream(stream) and stream.suppresses_usage


def is_keyed(stream: Transcript) -> bool:
    return stream.sent_key


def is_keyed_event_stream(stream: Transcript) -> bool:
    return is_event_stream(stream) and stream.sent_key


def has_no_key(stream: Transcript) -> bool:
    return not stream.sent_key


# ---------------------------------------------------------------- the rules


def _media_type(stream: Transcript) -> Iterator[str]:
    if stream.exchange.media_type != EVENT_STREAM:
        yield f"the content type is {stream.exchange.media_type!r}"


def _not_cached(stream: Transcript) -> Iterator[str]:
    actual = (stream.exchange.header("Cache-Control") or "").lower()
    if not {"no-cache", "no-transform"} <= {directive.strip() for directive in actual.split(",")}:
        yield f"Cache-Control is {actual!r}"


def _framing(stream: Transcript) -> Iterator[str]:
    if stream.invalid_lines:
        yield f"lines that are no field of an event stream: {stream.invalid_lines[:3]}"


def _event_type(stream: Transcript) -> Iterator[str]:
    names = {event.name for event in stream.events} - {"message"}
    if names:
        yield f"there are events of type {', '.join(sorted(names))}"


def _schema(stream: Transcript) -> Iterator[str]:
    for frame in stream.frames:
        if "error" not in frame:
            name = "StreamWarningFrame" if is_bare_warning(frame) else "ChatCompletionChunk"
            errors = contract.schema_errors(name, frame)
            if errors:
                yield f"{'; '.join(errors[:3])} in {json.dumps(frame)[:200]}"


def _object(stream: Transcript) -> Iterator[str]:
    actual = {str(chunk.get("object")) for chunk in stream.chunks} - {"chat.completion.chunk"}
    if actual:
        yield f"`object` of a chunk is {', '.join(sorted(actual))}"


def _id(stream: Transcript) -> Iterator[str]:
    ids = {str(chunk.get("id")) for chunk in stream.chunks}
    if len(ids) > 1 or not all(name.startswith("cmp_") for name in ids):
        yield f"the ids of its chunks are {', '.join(sorted(ids))}"


def _created(stream: Transcript) -> Iterator[str]:
    values = {str(chunk.get("created")) for chunk in stream.chunks}
    if len(values) > 1 or "None" in values:
        yield f"`created` of its chunks is {', '.join(sorted(values))}"


def _model(stream: Transcript) -> Iterator[str]:
    requested = stream.request.get("model")
    others = {str(chunk.get("model")) for chunk in stream.chunks} - {requested}
    if others:
        yield f"{requested!r} was asked for, and `model` of a chunk is {', '.join(sorted(others))}"


def _choice_index(stream: Transcript) -> Iterator[str]:
    others = [choice.get("index") for choice in stream.choices if not _is_zero(choice.get("index"))]
    if others:
        yield f"`index` of a choice is {others[0]!r}"


def _is_zero(index: object) -> bool:
    return index == 0 and index is not False


def _one_choice(stream: Transcript) -> Iterator[str]:
    for chunk in stream.chunks:
        if len(chunk.get("choices") or []) > 1:
            yield f"a chunk has {len(chunk['choices'])} choices: {json.dumps(chunk)[:200]}"


def _role_first(stream: Transcript) -> Iterator[str]:
    roles = [delta.get("role") for delta in stream.deltas]
    if not roles:
        if has_ending(stream):
            yield "no chunk has a choice"
    elif roles[0] != "assistant":
        yield f"the first delta is {json.dumps(stream.deltas[0])[:200]}"
    elif set(roles[1:]) - {None, "assistant"}:
        yield f"later deltas have the roles {set(roles[1:]) - {None}}"


def _one_finish_reason(stream: Transcript) -> Iterator[str]:
    reasons = stream.finish_reasons
    if len(reasons) != 1:
        yield f"the finish reasons of its chunks are {reasons}"
    elif not isinstance(reasons[0], str) or not reasons[0]:
        yield f"`finish_reason` is {reasons[0]!r}"


def _finish_last(stream: Transcript) -> Iterator[str]:
    finished = False
    for choice in stream.choices:
        delta = choice.get("delta") or {}
        if finished and (delta.get("content") or delta.get("tool_calls")):
            yield f"after the finish_reason there is {json.dumps(delta)[:200]}"
            return
        finished = finished or choice.get("finish_reason") is not None


def _usage(stream: Transcript) -> Iterator[str]:
    places = [place for place, chunk in enumerate(stream.chunks) if chunk.get("usage") is not None]
    last = len(stream.chunks) - 1
    if places != [last]:
        yield f"of {last + 1} chunks, counted from 0, these carry usage: {places or 'none'}"
        return
    errors = contract.schema_errors("Usage", stream.usage)
    if errors:
        yield "; ".join(errors[:3])


def _no_usage(stream: Transcript) -> Iterator[str]:
    if stream.usages:
        yield f"there is usage: {json.dumps(stream.usages[0])[:200]}"


def _done(stream: Transcript) -> Iterator[str]:
    marks = sum(event.data == DONE for event in stream.events)
    if marks != 1:
        yield f"[DONE] is there {marks} times"


def _done_is_last(stream: Transcript) -> Iterator[str]:
    if stream.done and stream.events[-1].data != DONE:
        yield f"after [DONE] there is {stream.events[-1].data[:100]!r}"
    elif stream.unfinished:
        yield f"after the last event there is {stream.unfinished[:100]!r}"


def _content(stream: Transcript) -> Iterator[str]:
    tokens = (stream.usage or {}).get("completion_tokens") or 0
    if tokens and not stream.content and not stream.tool_calls:
        yield f"completion_tokens is {tokens}, and no delta has content or tool_calls"


def _never_replayed(stream: Transcript) -> Iterator[str]:
    if (actual := stream.exchange.header(REPLAYED)) is not None:
        yield f"{REPLAYED} is {actual!r}"


def _key_ignored(stream: Transcript) -> Iterator[str]:
    if (actual := stream.exchange.header(STATUS)) != "ignored_streaming":
        yield f"{STATUS} is {actual!r}"


def _no_key_not_ignored(stream: Transcript) -> Iterator[str]:
    if (actual := stream.exchange.header(STATUS)) == "ignored_streaming":
        yield f"{STATUS} is {actual!r}"


def _warning_first(stream: Transcript) -> Iterator[str]:
    frames = stream.frames
    if not frames or frames[0].get("warning") is None:
        yield f"the first frame is {json.dumps(frames[:1])[:200]}"
    elif len(stream.warnings) != 1:
        yield f"there are {len(stream.warnings)} warnings"


def _check(
    name: str,
    page: str,
    sentence: str,
    find: Callable[[Transcript], Iterator[str]],
    applies: Callable[[Transcript], bool] = is_event_stream,
) -> Check[Transcript]:
    return Check(f"stream.{name}", page, sentence, find, applies)


FRAME_CHECKS: list[Check[Transcript]] = [
    _check("media_type", STREAMING, "A stream is text/event-stream.", _media_type, any_stream),
    _check(
        "not_cached",
        STREAMING,
        "A stream is sent with `Cache-Control: no-cache, no-transform`.",
        _not_cached,
        any_stream,
    ),
    _check(
        "framing", STREAMING, "A stream is made of `data:` lines and comments, by the rules of event streams.", _framing
    ),
    _check("event_type", STREAMING, "Every event is of type `message`, which is what readers listen for.", _event_type),
    _check("schema", STREAMING, "The data of every event is a chunk as documented, or `[DONE]`.", _schema),
    _check("object", STREAMING, "`object` of a chunk is `chat.completion.chunk`.", _object),
    _check("id", STREAMING, "All chunks carry the same `id`, `cmp_...`.", _id),
    _check("created", STREAMING, "All chunks carry the same `created`.", _created),
    _check("model", STREAMING, "All chunks carry the model that was asked for.", _model),
    _check("choice_index", STREAMING, "Every choice has `index` 0.", _choice_index),
    _check("one_choice", CREATE, "A chunk has one choice at most, whatever was asked for.", _one_choice),
    _check(
        "role_first", STREAMING, "The first delta carries the role, `assistant`; no later one changes it.", _role_first
    ),
    _check("content", STREAMING, "The answer is in the deltas.", _content, has_ending),
    _check(
        "one_finish_reason",
        STREAMING,
        "Exactly one chunk carries a `finish_reason`.",
        _one_finish_reason,
        has_ending,
    ),
    _check("finish_last", STREAMING, "No content follows the `finish_reason`.", _finish_last),
    _check("usage", STREAMING, "The last chunk before `[DONE]` carries `usage`, and only that one.", _usage, has_usage),
    _check(
        "no_usage", CREATE, "`stream_options.include_usage: false` suppresses the usage block.", _no_usage, has_no_usage
    ),
    _check("done", STREAMING, "A stream ends with `data: [DONE]`, once.", _done, has_ending),
    _check(
        "done_is_last",
        STREAMING,
        "Nothing follows `[DONE]`, and the connection's body ends.",
        _done_is_last,
        has_ending,
    ),
    _check("never_replayed", CHAT_IDEMPOTENCY, "A stream is never marked as replayed.", _never_replayed, any_stream),
    _check(
        "key_ignored",
        STREAMING,
        "Sent a key, a stream says `Aurous-Idempotency-Status: ignored_streaming`.",
        _key_ignored,
        is_keyed,
    ),
    _check(
        "warning_first",
        CHAT_IDEMPOTENCY,
        "Sent a key, a stream warns in its first `data:` line.",
        _warning_first,
        is_keyed_event_stream,
    ),
    _check("no_key_not_ignored", STREAMING, "Without a key nothing was ignored.", _no_key_not_ignored, has_no_key),
]
