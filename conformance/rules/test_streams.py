"""Rules on the grammar of a stream, from its headers to its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.client.mock_controls import MockControls
from harness.client.stream import DONE, Transcript, is_bare_warning
from harness.rules import CHAT_IDEMPOTENCY, CREATE, PRICING, RETRIEVE, STREAMING, rule
from harness.violations import inform, not_tested, require

from .in_flight import running_stream, was_still_running

FINISH_REASONS = contract.schema("FinishReason")["enum"]
STATUS = "Aurous-Idempotency-Status"
TOO_SOON = "the stream ended too soon to be looked at while it ran"


@pytest.fixture(params=["plain", "keyed", "bare"])
def any_stream(
    request: pytest.FixtureRequest, transcript: Transcript, keyed_transcript: Transcript, bare_transcript: Transcript
) -> Transcript:
    """Each kind of stream: plain, sent a key, and asked to leave the receipt out."""
    kinds = {"plain": transcript, "keyed": keyed_transcript, "bare": bare_transcript}
    return kinds[request.param]


@rule("stream.status_code", page=STREAMING, sentence="A stream answers 200.")
def test_status_code(api: ApiClient) -> None:
    with api.open_stream(api.chat_body(stream=True)) as stream:
        stream.exchange.expect(200)
        stream.drain()


@rule("stream.media_type", page=STREAMING, sentence="A stream is text/event-stream.")
def test_media_type(any_stream: Transcript) -> None:
    require(
        any_stream.exchange.media_type == "text/event-stream",
        f"it is {any_stream.exchange.media_type!r}",
        any_stream.exchange,
    )


@rule("stream.not_cached", page=STREAMING, sentence="A stream is sent with `Cache-Control: no-cache, no-transform`.")
def test_not_cached(any_stream: Transcript) -> None:
    actual = (any_stream.exchange.header("Cache-Control") or "").lower()
    directives = {directive.strip() for directive in actual.split(",")}
    require({"no-cache", "no-transform"} <= directives, f"Cache-Control is {actual!r}", any_stream.exchange)


@rule("stream.only_when_asked", page=CREATE, sentence="Without `stream: true` the answer is one document.")
@pytest.mark.parametrize(
    "options", [{}, {"stream": False}, {"stream": False, "stream_options": {"include_usage": True}}], ids=str
)
def test_only_when_asked(api: ApiClient, options: dict[str, Any]) -> None:
    completion = api.complete(api.chat_body(**options))
    require(completion.media_type == "application/json", f"the content type is {completion.media_type!r}", completion)
    require(completion.at("object") == "chat.completion", f"`object` is {completion.at('object')!r}", completion)


@rule(
    "stream.framing",
    page=STREAMING,
    sentence="A stream is made of `data:` lines and comments, by the rules of event streams.",
)
def test_framing(any_stream: Transcript) -> None:
    require(
        not any_stream.invalid_lines,
        f"lines that are no field of an event stream: {any_stream.invalid_lines[:3]}",
        any_stream.exchange,
    )


@rule(
    "stream.event_type", page=STREAMING, sentence="Every event is of type `message`, which is what readers listen for."
)
def test_event_type(any_stream: Transcript) -> None:
    names = {event.name for event in any_stream.events}
    require(names <= {"message"}, f"events of type {names}", any_stream.exchange)


@rule("stream.schema", page=STREAMING, sentence="The data of every event is a chunk as documented, or `[DONE]`.")
def test_schema(any_stream: Transcript) -> None:
    for frame in any_stream.frames:
        schema_errors = contract.schema_errors(
            "StreamWarningFrame" if is_bare_warning(frame) else "ChatCompletionChunk", frame
        )
        require(not schema_errors, f"{'; '.join(schema_errors[:3])} in {json.dumps(frame)[:200]}", any_stream.exchange)


@rule("stream.object", page=STREAMING, sentence="`object` of a chunk is `chat.completion.chunk`.")
def test_object(any_stream: Transcript) -> None:
    actual = {chunk.get("object") for chunk in any_stream.chunks}
    require(actual == {"chat.completion.chunk"}, f"`object` is {actual}", any_stream.exchange)


@rule("stream.id", page=STREAMING, sentence="All chunks carry the same `id`, `cmp_...`.")
def test_id(any_stream: Transcript) -> None:
    ids = {chunk.get("id") for chunk in any_stream.chunks}
    require(len(ids) == 1 and any_stream.id.startswith("cmp_"), f"the ids are {ids}", any_stream.exchange)


@rule("stream.id_unique", page=CREATE, sentence="Every stream is a completion of its own.")
def test_id_unique(
    any_stream: Transcript, transcript: Transcript, keyed_transcript: Transcript, bare_transcript: Transcript
) -> None:
    others = [other.id for other in (transcript, keyed_transcript, bare_transcript) if other is not any_stream]
    require(any_stream.id not in others, f"{any_stream.id} is the id of another stream", any_stream.exchange)


@rule("stream.created", page=STREAMING, sentence="All chunks carry the same `created`.")
def test_created(any_stream: Transcript) -> None:
    actual = {chunk.get("created") for chunk in any_stream.chunks}
    require(len(actual) == 1 and None not in actual, f"`created` is {actual}", any_stream.exchange)


@rule("stream.model", page=STREAMING, sentence="All chunks carry the model that was asked for.")
def test_model(api: ApiClient, any_stream: Transcript) -> None:
    actual = {chunk.get("model") for chunk in any_stream.chunks}
    require(actual == {api.model}, f"`model` is {actual}", any_stream.exchange)


@rule("stream.choice_index", page=STREAMING, sentence="Every choice has `index` 0.")
def test_choice_index(any_stream: Transcript) -> None:
    actual = {choice.get("index") for choice in any_stream.choices}
    require(actual == {0}, f"`index` is {actual}", any_stream.exchange)


@rule(
    "stream.role_first",
    page=STREAMING,
    sentence="The first delta carries the role, `assistant`; no later one changes it.",
)
def test_role_first(any_stream: Transcript) -> None:
    roles = [delta.get("role") for delta in any_stream.deltas]
    require(roles and roles[0] == "assistant", f"the first delta is {any_stream.deltas[:1]}", any_stream.exchange)
    require(set(roles[1:]) <= {None, "assistant"}, f"later deltas have roles {set(roles[1:])}", any_stream.exchange)


@rule("stream.content", page=STREAMING, sentence="The answer comes in the deltas.")
def test_content(any_stream: Transcript) -> None:
    require(any_stream.content, "no delta carries any content", any_stream.exchange)


@rule("stream.one_finish_reason", page=STREAMING, sentence="Exactly one chunk carries a `finish_reason`, a known one.")
def test_one_finish_reason(any_stream: Transcript) -> None:
    reasons = any_stream.finish_reasons
    require(len(reasons) == 1, f"the finish reasons are {reasons}", any_stream.exchange)
    require(reasons[0] in FINISH_REASONS, f"finish_reason is {reasons[0]!r}", any_stream.exchange)


@rule("stream.finish_last", page=STREAMING, sentence="No content follows the `finish_reason`.")
def test_finish_last(any_stream: Transcript) -> None:
    finished = False
    for choice in any_stream.choices:
        delta = choice.get("delta") or {}
        late = finished and (delta.get("content") or delta.get("tool_calls"))
        require(not late, f"after the finish_reason came {delta}", any_stream.exchange)
        finished = finished or choice.get("finish_reason") is not None


@rule("stream.usage", page=STREAMING, sentence="The last chunk before `[DONE]` carries `usage`, and only that one.")
@pytest.mark.parametrize("kind", ["plain", "keyed", "asked for"])
def test_usage(api: ApiClient, kind: str, transcript: Transcript, keyed_transcript: Transcript) -> None:
    if kind == "asked for":
        stream_transcript = api.stream(api.chat_body(stream_options={"include_usage": True}))
    else:
        stream_transcript = transcript if kind == "plain" else keyed_transcript
    places = [place for place, chunk in enumerate(stream_transcript.chunks) if chunk.get("usage") is not None]
    last = len(stream_transcript.chunks) - 1
    require(places == [last], f"of {last + 1} chunks, these carry usage: {places}", stream_transcript.exchange)
    schema_errors = contract.schema_errors("Usage", stream_transcript.usage)
    require(not schema_errors, "; ".join(schema_errors), stream_transcript.exchange)


@rule("stream.no_usage", page=CREATE, sentence="`stream_options.include_usage: false` suppresses the usage block.")
def test_no_usage(bare_transcript: Transcript) -> None:
    require(not bare_transcript.usages, f"usage came: {bare_transcript.usages}", bare_transcript.exchange)


@rule("stream.done", page=STREAMING, sentence="A stream ends with `data: [DONE]`, once.")
def test_done(any_stream: Transcript) -> None:
    marks = sum(event.data == DONE for event in any_stream.events)
    require(marks == 1, f"{marks} times [DONE]", any_stream.exchange)


@rule("stream.done_is_last", page=STREAMING, sentence="Nothing follows `[DONE]`, and the connection's body ends.")
def test_done_is_last(any_stream: Transcript) -> None:
    require(
        any_stream.events and any_stream.events[-1].data == DONE,
        f"the last event is {any_stream.events[-1:]}",
        any_stream.exchange,
    )
    require(
        not any_stream.unfinished, f"after the last event came {any_stream.unfinished[:100]!r}", any_stream.exchange
    )


@rule("stream.no_error", page=STREAMING, sentence="A stream that goes well carries no error.")
def test_no_error(any_stream: Transcript) -> None:
    faults = [frame["error"] for frame in any_stream.frames if frame.get("error") is not None]
    require(not faults, f"an error came: {faults}", any_stream.exchange)


@rule(
    "stream.key_ignored",
    page=STREAMING,
    sentence="Sent a key, a stream says `Aurous-Idempotency-Status: ignored_streaming`.",
)
def test_key_ignored(keyed_transcript: Transcript) -> None:
    actual = keyed_transcript.exchange.header(STATUS)
    require(actual == "ignored_streaming", f"{STATUS} is {actual!r}", keyed_transcript.exchange)


@rule("stream.warning_first", page=CHAT_IDEMPOTENCY, sentence="Sent a key, a stream warns in its first `data:` line.")
def test_warning_first(keyed_transcript: Transcript) -> None:
    frames = keyed_transcript.frames
    require(
        frames and frames[0].get("warning") is not None, f"the first frame is {frames[:1]}", keyed_transcript.exchange
    )
    require(
        len(keyed_transcript.warnings) == 1,
        f"{len(keyed_transcript.warnings)} warnings came",
        keyed_transcript.exchange,
    )


@rule("stream.no_key_not_ignored", page=STREAMING, sentence="Without a key nothing was ignored.")
def test_no_key_not_ignored(transcript: Transcript) -> None:
    actual = transcript.exchange.header(STATUS)
    require(actual != "ignored_streaming", f"{STATUS} is {actual!r}", transcript.exchange)


@rule(
    "stream.no_key",
    page=STREAMING,
    sentence="What a stream without a key says about keys (pages disagree).",
    informational=True,
)
def test_no_key(transcript: Transcript) -> None:
    warned = "a warning" if transcript.warnings else "no warning"
    inform(f"{STATUS} is {transcript.exchange.header(STATUS)!r}, with {warned}")


@rule("stream.never_replayed", page=CHAT_IDEMPOTENCY, sentence="A stream is never marked as replayed.")
def test_never_replayed(any_stream: Transcript) -> None:
    actual = any_stream.exchange.header("Aurous-Idempotent-Replayed")
    require(actual is None, f"Aurous-Idempotent-Replayed is {actual!r}", any_stream.exchange)


@rule(
    "stream.refused_as_json",
    page=STREAMING,
    sentence="A fault found before the stream begins is an ordinary JSON error.",
)
def test_refused_as_json(failures: dict[str, Exchange]) -> None:
    response = failures["a bad stream"].expect(400, 422)
    require(response.media_type == "application/json", f"the content type is {response.media_type!r}", response)


@rule("stream.unicode", page=STREAMING, sentence="Text of any script survives being cut into chunks.")
def test_unicode(api: ApiClient) -> None:
    transcript = api.stream(api.chat_body("Répète : ünïcödé, 日本語, العربية, 🌧️"))
    require("\ufffd" not in transcript.content, f"the content is {transcript.content!r}", transcript.exchange)
    record = api.retrieve(transcript.id).expect(200)
    require(
        record.at("choices", 0, "message", "content") == transcript.content,
        "the record reads otherwise",
        transcript.exchange,
        record,
    )


@rule("stream.max_tokens", page=CREATE, sentence="A stream too makes no more than `max_tokens` tokens.")
def test_max_tokens(api: ApiClient) -> None:
    transcript = api.stream(api.chat_body("Write a long poem about rain.", max_tokens=3))
    tokens = (transcript.usage or {}).get("completion_tokens", 0)
    require(tokens <= 3, f"max_tokens was 3 and completion_tokens is {tokens}", transcript.exchange)


@rule("stream.options", page=CREATE, sentence="What a completion may be asked for, a stream may be asked for as well.")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"logprobs": True, "top_logprobs": 2}, id="logprobs"),
        pytest.param({"temperature": 0.5, "top_p": 0.9, "seed": 7}, id="sampling"),
        pytest.param({"presence_penalty": 0.5, "frequency_penalty": -0.5}, id="penalties"),
    ],
)
def test_options(api: ApiClient, options: dict[str, Any]) -> None:
    transcript = api.stream(api.chat_body(**options))
    faults = [frame["error"] for frame in transcript.frames if frame.get("error") is not None]
    require(not faults, f"an error came: {faults}", transcript.exchange)
    whole = bool(transcript.content) and len(transcript.finish_reasons) == 1 and transcript.done
    require(
        whole, f"it said {transcript.content[:80]!r} and ended with {transcript.finish_reasons}", transcript.exchange
    )


@rule("stream.running_record", page=RETRIEVE, sentence="While a completion streams, its record is `in_progress`.")
def test_running_record(api: ApiClient, mock_controls: MockControls) -> None:
    with running_stream(api, mock_controls) as stream:
        record = api.retrieve(stream.transcript.id)
        ran = was_still_running(stream)
    if not ran:
        not_tested(TOO_SOON)
    record.expect(200)
    require(record.at("status") == "in_progress", f"`status` is {record.at('status')!r}", stream.exchange, record)
    schema_errors = contract.schema_errors("ChatCompletion", record.json)
    require(not schema_errors, "; ".join(schema_errors), record)
    require(record.get("error") is None, f"`error` is {record.get('error')}", record)
    reason = record.get("choices", 0, "finish_reason")
    require(reason is None, f"`finish_reason` of an unfinished choice is {reason!r}", record)


@rule("stream.holds_credits", page=PRICING, sentence="While a completion runs, credits are held for it.")
def test_holds_credits(api: ApiClient, mock_controls: MockControls) -> None:
    with running_stream(api, mock_controls) as stream:
        response = api.balance().expect(200)
        ran = was_still_running(stream)
    if response.json.get("billing_mode") == "exempt":
        not_tested("this team is exempt from billing")
    if not ran:
        not_tested(TOO_SOON)
    require(
        response.at("held_credits") > 0, f"held_credits is {response.at('held_credits')}", stream.exchange, response
    )


@rule("stream.arrives_in_pieces", page=STREAMING, sentence="The answer arrives while it is made.", informational=True)
def test_arrives_in_pieces(api: ApiClient, mock_controls: MockControls) -> None:
    with running_stream(api, mock_controls) as stream:
        ran = was_still_running(stream)
    inform("the first words came before the last were made" if ran else "all of it came at once")
