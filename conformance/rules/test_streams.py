"""Rules on asking for a stream, and on what can be seen of it while it runs."""

from __future__ import annotations

from typing import Any

import pytest
from harness import contract
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.client.stream import Transcript
from harness.rules import CREATE, RETRIEVE, STREAMING, rule
from harness.violations import inform, require

from .conftest import STREAMED, Running
from .scenarios import Scenarios

STATUS = "Aurous-Idempotency-Status"


@rule("stream.only_when_asked", page=CREATE, sentence="Without `stream: true` the answer is one document.")
@pytest.mark.parametrize(
    "options", [{}, {"stream": False}, {"stream": False, "stream_options": {"include_usage": True}}], ids=str
)
def test_response_is_streamed_only_when_requested(api: ApiClient, options: dict[str, Any]) -> None:
    completion = api.complete(api.chat_body(**options))
    require(completion.media_type == "application/json", f"the content type is {completion.media_type!r}", completion)
    require(completion.at("object") == "chat.completion", f"`object` is {completion.at('object')!r}", completion)


@rule("stream.id_unique", page=CREATE, sentence="Every stream is a completion of its own.")
def test_stream_ids_are_unique(scenarios: Scenarios) -> None:
    streams = [scenarios.stream(name) for name in ("text", "keyed", "bare")]
    ids = [stream.id for stream in streams]
    require(len(set(ids)) == len(ids), f"the ids of three streams are {ids}", *(stream.exchange for stream in streams))


@rule(
    "stream.no_key",
    page=STREAMING,
    sentence="The idempotency status of a stream without a key (pages disagree).",
    informational=True,
)
def test_idempotency_status_of_a_stream_without_a_key(transcript: Transcript) -> None:
    warned = "a warning" if transcript.warnings else "no warning"
    inform(f"{STATUS} is {transcript.exchange.header(STATUS)!r}, with {warned}")


@rule(
    "stream.refused_as_json",
    page=STREAMING,
    sentence="An error before the stream begins is an ordinary JSON error.",
)
def test_refused_stream_gets_a_json_error(failures: dict[str, Exchange]) -> None:
    for name, response in failures.items():
        if name.endswith(STREAMED):
            actual = f"{name}: {response.outcome}, and the content type is {response.media_type!r}"
            require(response.status >= 400 and response.media_type == "application/json", actual, response)


@rule("stream.unicode", page=STREAMING, sentence="Text of any script is unharmed by being cut into chunks.")
def test_unicode_text_survives_chunking(api: ApiClient) -> None:
    transcript = api.stream(api.chat_body("Répète : ünïcödé, 日本語, العربية, 🌧️", max_tokens=24))
    require("\ufffd" not in transcript.content, f"the content is {transcript.content!r}", transcript.exchange)
    record = api.retrieve(transcript.id).expect(200)
    require(
        record.at("choices", 0, "message", "content") == transcript.content,
        "the record has another text",
        transcript.exchange,
        record,
    )


@rule("stream.options", page=CREATE, sentence="Every option of a completion may be used for a stream.")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"logprobs": True, "top_logprobs": 2}, id="logprobs"),
        pytest.param({"temperature": 0.5, "top_p": 0.9, "seed": 7}, id="sampling"),
        pytest.param({"presence_penalty": 0.5, "frequency_penalty": -0.5}, id="penalties"),
    ],
)
def test_stream_accepts_the_options_of_a_completion(api: ApiClient, options: dict[str, Any]) -> None:
    transcript = api.stream(api.chat_body(**options))
    faults = [frame["error"] for frame in transcript.frames if frame.get("error") is not None]
    require(not faults, f"an error is in the stream: {faults}", transcript.exchange)
    whole = bool(transcript.content) and len(transcript.finish_reasons) == 1 and transcript.done
    require(
        whole,
        f"its text is {transcript.content[:80]!r} and its finish reasons are {transcript.finish_reasons}",
        transcript.exchange,
    )


@rule("stream.running_record", page=RETRIEVE, sentence="While a completion streams, its record is `in_progress`.")
def test_record_of_a_running_stream_is_in_progress(running: Running) -> None:
    stream, record = running.transcript.exchange, running.record.expect(200)
    require(record.at("status") == "in_progress", f"`status` is {record.at('status')!r}", stream, record)
    schema_errors = contract.schema_errors("ChatCompletion", record.json)
    require(not schema_errors, "; ".join(schema_errors), record)
    require(record.get("error") is None, f"`error` is {record.get('error')}", record)
    reason = record.get("choices", 0, "finish_reason")
    require(reason is None, f"`finish_reason` of an unfinished choice is {reason!r}", record)


@rule(
    "stream.arrives_in_pieces", page=STREAMING, sentence="The answer arrives while it is generated.", informational=True
)
@pytest.mark.usefixtures("running")
def test_stream_arrives_while_it_is_generated() -> None:
    inform("the first words arrive before the last are generated")
