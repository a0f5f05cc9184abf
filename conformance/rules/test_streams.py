"""The grammar of a stream, from its headers to its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from harness import contract
from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.client.mock_controls import Levers
from harness.client.stream import DONE, Transcript, is_bare_warning
from harness.rules import CHAT_IDEMPOTENCY, CREATE, PRICING, RETRIEVE, STREAMING, rule
from harness.violations import observe, require, unseen

from .in_flight import running, still_ran

FINISH_REASONS = contract.schema("FinishReason")["enum"]
STATUS = "Aurous-Idempotency-Status"
TOO_SOON = "the stream ended too soon to be looked at while it ran"


@pytest.fixture(params=["plain", "keyed", "bare"])
def each(
    request: pytest.FixtureRequest, transcript: Transcript, keyed_transcript: Transcript, bare_transcript: Transcript
) -> Transcript:
    """Each kind of stream: plain, sent a key, and asked to leave the receipt out."""
    kinds = {"plain": transcript, "keyed": keyed_transcript, "bare": bare_transcript}
    return kinds[request.param]


@rule("stream.status_code", page=STREAMING, says="A stream answers 200.")
def test_status_code(server: Server) -> None:
    with server.open_stream(server.ask(stream=True)) as stream:
        stream.exchange.expect(200)
        stream.drain()


@rule("stream.media_type", page=STREAMING, says="A stream is text/event-stream.")
def test_media_type(each: Transcript) -> None:
    require(each.exchange.media_type == "text/event-stream", f"it is {each.exchange.media_type!r}", each.exchange)


@rule("stream.not_cached", page=STREAMING, says="A stream is sent with `Cache-Control: no-cache, no-transform`.")
def test_not_cached(each: Transcript) -> None:
    told = (each.exchange.header("Cache-Control") or "").lower()
    directives = {directive.strip() for directive in told.split(",")}
    require({"no-cache", "no-transform"} <= directives, f"Cache-Control is {told!r}", each.exchange)


@rule("stream.only_when_asked", page=CREATE, says="Without `stream: true` the answer is one document.")
@pytest.mark.parametrize(
    "options", [{}, {"stream": False}, {"stream": False, "stream_options": {"include_usage": True}}], ids=str
)
def test_only_when_asked(server: Server, options: dict[str, Any]) -> None:
    made = server.completed(server.ask(**options))
    require(made.media_type == "application/json", f"the content type is {made.media_type!r}", made)
    require(made.at("object") == "chat.completion", f"`object` is {made.at('object')!r}", made)


@rule(
    "stream.framing",
    page=STREAMING,
    says="A stream is made of `data:` lines and comments, by the rules of event streams.",
)
def test_framing(each: Transcript) -> None:
    require(not each.strays, f"lines that are no field of an event stream: {each.strays[:3]}", each.exchange)


@rule("stream.event_type", page=STREAMING, says="Every event is of type `message`, which is what readers listen for.")
def test_event_type(each: Transcript) -> None:
    names = {event.name for event in each.events}
    require(names <= {"message"}, f"events of type {names}", each.exchange)


@rule("stream.schema", page=STREAMING, says="The data of every event is a chunk as documented, or `[DONE]`.")
def test_schema(each: Transcript) -> None:
    for frame in each.frames:
        misfits = contract.misfits("StreamWarningFrame" if is_bare_warning(frame) else "ChatCompletionChunk", frame)
        require(not misfits, f"{'; '.join(misfits[:3])} in {json.dumps(frame)[:200]}", each.exchange)


@rule("stream.object", page=STREAMING, says="`object` of a chunk is `chat.completion.chunk`.")
def test_object(each: Transcript) -> None:
    told = {chunk.get("object") for chunk in each.chunks}
    require(told == {"chat.completion.chunk"}, f"`object` is {told}", each.exchange)


@rule("stream.id", page=STREAMING, says="All chunks carry the same `id`, `cmp_...`.")
def test_id(each: Transcript) -> None:
    ids = {chunk.get("id") for chunk in each.chunks}
    require(len(ids) == 1 and each.id.startswith("cmp_"), f"the ids are {ids}", each.exchange)


@rule("stream.id_unique", page=CREATE, says="Every stream is a completion of its own.")
def test_id_unique(
    each: Transcript, transcript: Transcript, keyed_transcript: Transcript, bare_transcript: Transcript
) -> None:
    others = [other.id for other in (transcript, keyed_transcript, bare_transcript) if other is not each]
    require(each.id not in others, f"{each.id} is the id of another stream", each.exchange)


@rule("stream.created", page=STREAMING, says="All chunks carry the same `created`.")
def test_created(each: Transcript) -> None:
    told = {chunk.get("created") for chunk in each.chunks}
    require(len(told) == 1 and None not in told, f"`created` is {told}", each.exchange)


@rule("stream.model", page=STREAMING, says="All chunks carry the model that was asked for.")
def test_model(server: Server, each: Transcript) -> None:
    told = {chunk.get("model") for chunk in each.chunks}
    require(told == {server.model}, f"`model` is {told}", each.exchange)


@rule("stream.choice_index", page=STREAMING, says="Every choice has `index` 0.")
def test_choice_index(each: Transcript) -> None:
    told = {choice.get("index") for choice in each.choices}
    require(told == {0}, f"`index` is {told}", each.exchange)


@rule(
    "stream.role_first", page=STREAMING, says="The first delta carries the role, `assistant`; no later one changes it."
)
def test_role_first(each: Transcript) -> None:
    roles = [delta.get("role") for delta in each.deltas]
    require(roles and roles[0] == "assistant", f"the first delta is {each.deltas[:1]}", each.exchange)
    require(set(roles[1:]) <= {None, "assistant"}, f"later deltas have roles {set(roles[1:])}", each.exchange)


@rule("stream.content", page=STREAMING, says="The answer comes in the deltas.")
def test_content(each: Transcript) -> None:
    require(each.content, "no delta carries any content", each.exchange)


@rule("stream.one_finish_reason", page=STREAMING, says="Exactly one chunk carries a `finish_reason`, a known one.")
def test_one_finish_reason(each: Transcript) -> None:
    reasons = each.finish_reasons
    require(len(reasons) == 1, f"the finish reasons are {reasons}", each.exchange)
    require(reasons[0] in FINISH_REASONS, f"finish_reason is {reasons[0]!r}", each.exchange)


@rule("stream.finish_last", page=STREAMING, says="No content follows the `finish_reason`.")
def test_finish_last(each: Transcript) -> None:
    finished = False
    for choice in each.choices:
        delta = choice.get("delta") or {}
        late = finished and (delta.get("content") or delta.get("tool_calls"))
        require(not late, f"after the finish_reason came {delta}", each.exchange)
        finished = finished or choice.get("finish_reason") is not None


@rule("stream.usage", page=STREAMING, says="The last chunk before `[DONE]` carries `usage`, and only that one.")
@pytest.mark.parametrize("kind", ["plain", "keyed", "asked for"])
def test_usage(server: Server, kind: str, transcript: Transcript, keyed_transcript: Transcript) -> None:
    if kind == "asked for":
        told = server.streamed(server.ask(stream_options={"include_usage": True}))
    else:
        told = transcript if kind == "plain" else keyed_transcript
    places = [place for place, chunk in enumerate(told.chunks) if chunk.get("usage") is not None]
    last = len(told.chunks) - 1
    require(places == [last], f"of {last + 1} chunks, these carry usage: {places}", told.exchange)
    misfits = contract.misfits("Usage", told.usage)
    require(not misfits, "; ".join(misfits), told.exchange)


@rule("stream.no_usage", page=CREATE, says="`stream_options.include_usage: false` suppresses the usage block.")
def test_no_usage(bare_transcript: Transcript) -> None:
    require(not bare_transcript.usages, f"usage came: {bare_transcript.usages}", bare_transcript.exchange)


@rule("stream.done", page=STREAMING, says="A stream ends with `data: [DONE]`, once.")
def test_done(each: Transcript) -> None:
    marks = sum(event.data == DONE for event in each.events)
    require(marks == 1, f"{marks} times [DONE]", each.exchange)


@rule("stream.done_is_last", page=STREAMING, says="Nothing follows `[DONE]`, and the connection's body ends.")
def test_done_is_last(each: Transcript) -> None:
    require(each.events and each.events[-1].data == DONE, f"the last event is {each.events[-1:]}", each.exchange)
    require(not each.unfinished, f"after the last event came {each.unfinished[:100]!r}", each.exchange)


@rule("stream.no_error", page=STREAMING, says="A stream that goes well carries no error.")
def test_no_error(each: Transcript) -> None:
    faults = [frame["error"] for frame in each.frames if frame.get("error") is not None]
    require(not faults, f"an error came: {faults}", each.exchange)


@rule(
    "stream.key_ignored",
    page=STREAMING,
    says="Sent a key, a stream says `Aurous-Idempotency-Status: ignored_streaming`.",
)
def test_key_ignored(keyed_transcript: Transcript) -> None:
    told = keyed_transcript.exchange.header(STATUS)
    require(told == "ignored_streaming", f"{STATUS} is {told!r}", keyed_transcript.exchange)


@rule("stream.warning_first", page=CHAT_IDEMPOTENCY, says="Sent a key, a stream warns in its first `data:` line.")
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


@rule("stream.no_key_not_ignored", page=STREAMING, says="Without a key nothing was ignored.")
def test_no_key_not_ignored(transcript: Transcript) -> None:
    told = transcript.exchange.header(STATUS)
    require(told != "ignored_streaming", f"{STATUS} is {told!r}", transcript.exchange)


@rule(
    "stream.no_key", page=STREAMING, says="What a stream without a key says about keys (pages disagree).", observed=True
)
def test_no_key(transcript: Transcript) -> None:
    warned = "a warning" if transcript.warnings else "no warning"
    observe(f"{STATUS} is {transcript.exchange.header(STATUS)!r}, with {warned}")


@rule("stream.never_replayed", page=CHAT_IDEMPOTENCY, says="A stream is never marked as replayed.")
def test_never_replayed(each: Transcript) -> None:
    told = each.exchange.header("Aurous-Idempotent-Replayed")
    require(told is None, f"Aurous-Idempotent-Replayed is {told!r}", each.exchange)


@rule(
    "stream.refused_as_json", page=STREAMING, says="A fault found before the stream begins is an ordinary JSON error."
)
def test_refused_as_json(failures: dict[str, Exchange]) -> None:
    refused = failures["a bad stream"].expect(400, 422)
    require(refused.media_type == "application/json", f"the content type is {refused.media_type!r}", refused)


@rule("stream.unicode", page=STREAMING, says="Text of any script survives being cut into chunks.")
def test_unicode(server: Server) -> None:
    told = server.streamed(server.ask("Répète : ünïcödé, 日本語, العربية, 🌧️"))
    require("\ufffd" not in told.content, f"the content is {told.content!r}", told.exchange)
    found = server.retrieve(told.id).expect(200)
    require(
        found.at("choices", 0, "message", "content") == told.content, "the record reads otherwise", told.exchange, found
    )


@rule("stream.max_tokens", page=CREATE, says="A stream too makes no more than `max_tokens` tokens.")
def test_max_tokens(server: Server) -> None:
    told = server.streamed(server.ask("Write a long poem about rain.", max_tokens=3))
    made = (told.usage or {}).get("completion_tokens", 0)
    require(made <= 3, f"max_tokens was 3 and completion_tokens is {made}", told.exchange)


@rule("stream.options", page=CREATE, says="What a completion may be asked for, a stream may be asked for as well.")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"logprobs": True, "top_logprobs": 2}, id="logprobs"),
        pytest.param({"temperature": 0.5, "top_p": 0.9, "seed": 7}, id="sampling"),
        pytest.param({"presence_penalty": 0.5, "frequency_penalty": -0.5}, id="penalties"),
    ],
)
def test_options(server: Server, options: dict[str, Any]) -> None:
    told = server.streamed(server.ask(**options))
    faults = [frame["error"] for frame in told.frames if frame.get("error") is not None]
    require(not faults, f"an error came: {faults}", told.exchange)
    whole = bool(told.content) and len(told.finish_reasons) == 1 and told.done
    require(whole, f"it said {told.content[:80]!r} and ended with {told.finish_reasons}", told.exchange)


@rule("stream.running_record", page=RETRIEVE, says="While a completion streams, its record is `in_progress`.")
def test_running_record(server: Server, levers: Levers) -> None:
    with running(server, levers) as stream:
        found = server.retrieve(stream.transcript.id)
        ran = still_ran(stream)
    if not ran:
        unseen(TOO_SOON)
    found.expect(200)
    require(found.at("status") == "in_progress", f"`status` is {found.at('status')!r}", stream.exchange, found)
    misfits = contract.misfits("ChatCompletion", found.json)
    require(not misfits, "; ".join(misfits), found)
    require(found.get("error") is None, f"`error` is {found.get('error')}", found)
    reason = found.get("choices", 0, "finish_reason")
    require(reason is None, f"`finish_reason` of an unfinished choice is {reason!r}", found)


@rule("stream.holds_credits", page=PRICING, says="While a completion runs, credits are held for it.")
def test_holds_credits(server: Server, levers: Levers) -> None:
    with running(server, levers) as stream:
        told = server.balance().expect(200)
        ran = still_ran(stream)
    if told.json.get("billing_mode") == "exempt":
        unseen("this team is exempt from billing")
    if not ran:
        unseen(TOO_SOON)
    require(told.at("held_credits") > 0, f"held_credits is {told.at('held_credits')}", stream.exchange, told)


@rule("stream.arrives_in_pieces", page=STREAMING, says="The answer arrives while it is made.", observed=True)
def test_arrives_in_pieces(server: Server, levers: Levers) -> None:
    with running(server, levers) as stream:
        ran = still_ran(stream)
    observe("the first words came before the last were made" if ran else "all of it came at once")
