"""Stop sequences that the upstream server ignores: the gateway ends the text there, and charges what it delivered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gatewaykit import STOP, USAGE, Gateway, chunk, completion, run_gateway, sends
from mockkit import CREATE, content_of
from testkit.responses import answer


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with run_gateway() as gateway:
        yield gateway


def streamed(gateway: Gateway, pieces: list[str], **fields: Any) -> tuple[str, dict[str, Any]]:
    """The text and the last frame of a stream of these pieces."""
    frames = gateway.stream(sends(*(chunk({"content": piece}) for piece in pieces), STOP), **fields)
    return content_of(frames), frames[-1]


@pytest.mark.parametrize(
    ("pieces", "stop", "text"),
    [
        (["one two", " END three"], "END", "one two "),
        (["one E", "ND two"], "END", "one "),
        (["one ", "E", "N", "D", " two"], ["END"], "one "),
        (["one E", "NE", "ND two"], "END", "one EN"),
        (["aa", "ab"], "aab", "a"),
        (["one\n", "\ntwo"], ["END", "\n\n"], "one"),
        (["one ", "two EN"], "END", "one two EN"),
        (["one EN", "TRY two"], "END", "one ENTRY two"),
        (["END one"], "END", ""),
        (["caf\u00e9 \ud83d", "\ude00 two"], "\U0001f600", "caf\u00e9 "),
    ],
    ids=["whole", "two-frames", "each-a-frame", "begun-twice", "overlapping", "second", "begun-at-the-end",
         "begun-only", "at-once", "surrogates"],
)  # fmt: skip
def test_text_ends_at_a_stop_sequence(gateway: Gateway, pieces: list[str], stop: Any, text: str) -> None:
    delivered, last = streamed(gateway, pieces, stop=stop)
    assert delivered == text
    assert last["choices"][0]["finish_reason"] == "stop"
    whole = "".join(pieces).encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    body = gateway.call(answer(200, completion({"content": whole})), stop=stop).json()
    assert (body["choices"][0]["message"]["content"] or "") == text
    assert body["choices"][0]["finish_reason"] == "stop"


def test_charge_is_for_the_text_before_the_stop_sequence(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 50, "total_tokens": 59}
    body = gateway.call(answer(200, completion({"content": "one two END three"}, usage=usage)), stop="END").json()
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (9, 3)
    _, last = streamed(gateway, ["one", " two", " END", " three"], stop="END")
    assert last["usage"]["completion_tokens"] == 3
    assert "ignores stop" in capsys.readouterr().err


def test_stored_text_is_the_text_that_was_streamed(gateway: Gateway) -> None:
    text, last = streamed(gateway, ["one E", "ND two"], stop="END")
    record = gateway.client.get(f"{CREATE}/{last['id']}").json()
    assert record["choices"][0]["message"]["content"] == text
    assert record["usage"] == last["usage"]


def test_server_that_stops_by_itself_is_charged_as_it_counts(gateway: Gateway) -> None:
    body = gateway.call(answer(200, completion({"content": "one two"})), stop="END").json()
    assert body["usage"]["completion_tokens"] == USAGE["completion_tokens"]
    assert gateway.asked[0]["stop"] == "END"


def test_tool_call_after_a_stop_sequence_is_not_delivered(gateway: Gateway) -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    message = {"content": "one END", "tool_calls": calls}
    choice = gateway.call(answer(200, completion(message, "tool_calls")), stop="END").json()["choices"][0]
    assert (choice["message"].get("tool_calls"), choice["finish_reason"]) == (None, "stop")


def test_log_probabilities_end_with_the_text(gateway: Gateway) -> None:
    tokens = ["one", " E", "ND", " two"]
    entries = [{"token": token, "logprob": -0.5, "bytes": None, "top_logprobs": []} for token in tokens]
    pieces = []
    for token, entry in zip(tokens, entries, strict=True):
        piece = chunk({"content": token})
        piece["choices"][0]["logprobs"] = {"content": [entry]}
        pieces.append(piece)

    def tokens_of(stop: str) -> list[str]:
        frames = gateway.stream(sends(*pieces, STOP), stop=stop, logprobs=True)
        choices = [choice for frame in frames for choice in frame["choices"]]
        return [entry["token"] for each in choices for entry in (each.get("logprobs") or {}).get("content") or ()]

    assert tokens_of("END") == ["one"]
    assert tokens_of("ENTRY") == tokens
    assert tokens_of("two times") == tokens
