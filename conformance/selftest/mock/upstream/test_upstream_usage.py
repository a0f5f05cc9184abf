"""Token counts of upstream servers: what they say is charged where it can be, and counted here elsewhere."""

from collections.abc import Iterator
from typing import Any

import pytest
from gatewaykit import STOP, Gateway, breaks_off, chunk, completion, event, run_gateway, sends, stalls
from mockkit import CREATE, chat, content_of
from testkit.conditions import eventually
from testkit.raw_server import raw
from testkit.responses import answer, chunked

TEXT = "one two three"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with run_gateway() as gateway:
        yield gateway


def usage_of(gateway: Gateway, usage: Any, text: str = TEXT, **fields: Any) -> dict[str, Any]:
    body = gateway.call(answer(200, completion({"content": text}, usage=usage)), **fields).json()
    receipt: dict[str, Any] = body["usage"]
    assert receipt["credits_charged"] > 0
    return receipt


def counts_of(receipt: dict[str, Any]) -> tuple[int, int, int]:
    return receipt["prompt_tokens"], receipt["completion_tokens"], receipt.get("reasoning_tokens", 0)


def details(reasoning: Any) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": reasoning}}


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39, **details(10)}, (9, 20, 10)),
        ({"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 49, **details(10)}, (9, 30, 10)),
        ({"prompt_tokens": 9, "completion_tokens": 30, **details(10)}, (9, 20, 10)),
        ({"prompt_tokens": 9, "completion_tokens": 30, "reasoning_tokens": 10}, (9, 30, 10)),
        ({"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39, "reasoning_tokens": 10}, (9, 20, 10)),
        ({"prompt_tokens": 9, "completion_tokens": 3, **details(10)}, (9, 3, 10)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, **details(None)}, (9, 3, 0)),
        ({"prompt_tokens": 9.0, "completion_tokens": 3.0}, (9, 3, 0)),
    ],
    ids=["inside", "beside", "in-details", "of-its-own", "of-its-own-inside", "more-than-all", "null", "floats"],
)
def test_total_tells_where_reasoning_is_counted(gateway: Gateway, usage: Any, counts: tuple[int, int, int]) -> None:
    assert counts_of(usage_of(gateway, usage)) == counts


WRONG = [None, -1, -(10**6), 10**18, 1.5, "12", True, [1], {"a": 1}, 0]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_count_that_is_none_is_counted_here(
    gateway: Gateway, name: str, wrong: Any, streamed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, name: wrong}
    if streamed:
        receipt = gateway.stream(sends(chunk({"content": TEXT}), STOP, {"choices": [], "usage": usage}))[-1]["usage"]
    else:
        receipt = usage_of(gateway, usage)
    prompt, completion_tokens, reasoning = counts_of(receipt)
    assert (completion_tokens, reasoning) == (3, 0)
    assert prompt == 9 if name == "completion_tokens" else prompt > 0
    assert receipt["credits_charged"] > 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "counted here" in line]
    assert line.startswith("req_")
    assert name in line


@pytest.mark.parametrize("usage", [None, {}, [], "many", 7], ids=str)
def test_answer_without_usage_is_counted_here(gateway: Gateway, usage: Any) -> None:
    prompt, completion_tokens, reasoning = counts_of(usage_of(gateway, usage))
    assert prompt > 0
    assert (completion_tokens, reasoning) == (3, 0)


def test_reasoning_that_is_not_counted_is_counted_here(gateway: Gateway) -> None:
    message = {"content": TEXT, "reasoning_content": "x" * 40}
    receipt = gateway.call(answer(200, completion(message, usage=None))).json()["usage"]
    assert counts_of(receipt)[1:] == (3, 10)


def test_usage_in_every_chunk_is_read_to_the_last(gateway: Gateway) -> None:
    pieces = [
        chunk({"content": word}, usage={"prompt_tokens": 9, "completion_tokens": n}) for n, word in enumerate("ab")
    ]
    frames = gateway.stream(sends(*pieces, chunk({}, "stop", usage={"completion_tokens": 2, "prompt_tokens": None})))
    assert counts_of(frames[-1]["usage"]) == (9, 2, 0)


def test_text_before_a_disconnect_is_charged_by_its_tokens_and_not_its_pieces(gateway: Gateway) -> None:
    gateway.mock.reset()
    gateway.plays(stalls(chunk({"content": "one two three four"})))
    with gateway.client.stream("POST", CREATE, json=chat(stream=True)) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if "four" in line)
    (charge,) = eventually(gateway.mock.ledger)
    record = gateway.client.get(f"{CREATE}/{charge['completion_id']}").json()
    assert (record["status"], record["usage"]["completion_tokens"]) == ("cancelled", 4)


@pytest.mark.parametrize("counts", [{"completion_tokens": 5000}, {"completion_tokens": 5, "reasoning_tokens": 10**6}])
def test_charge_is_bounded_by_what_the_request_allows(
    gateway: Gateway, counts: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    usage = {"prompt_tokens": 9, **counts}
    receipt = usage_of(gateway, usage, max_tokens=10, reasoning_effort="low")
    _, completion_tokens, reasoning = counts_of(receipt)
    assert completion_tokens <= 10
    assert completion_tokens + reasoning <= 10 + 32
    assert "more than the request allows" in capsys.readouterr().err


@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_text_beyond_max_tokens_is_cut(gateway: Gateway, streamed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"w{number} " for number in range(500)]
    if streamed:
        frames = gateway.stream(sends(*(chunk({"content": word}) for word in words), STOP), max_tokens=10)
        text, last = content_of(frames), frames[-1]
    else:
        last = gateway.call(answer(200, completion({"content": "".join(words)}, usage=None)), max_tokens=10).json()
        text = last["choices"][0]["message"]["content"]
    assert 5 <= len(text.split()) <= 10
    assert last["choices"][0]["finish_reason"] == "length"
    assert last["usage"]["completion_tokens"] <= 10
    assert "ignores max_tokens" in capsys.readouterr().err


def test_answer_whose_own_count_is_beyond_max_tokens_is_cut_there(gateway: Gateway) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 6}
    body = gateway.call(answer(200, completion({"content": "a b c d e f"}, usage=usage)), max_tokens=3).json()
    assert body["choices"][0]["message"]["content"] == "a b c"
    assert (body["choices"][0]["finish_reason"], body["usage"]["completion_tokens"]) == ("length", 3)


def test_answer_within_max_tokens_is_not_cut(gateway: Gateway) -> None:
    """The model's tokens are longer than ours."""
    text = "international cooperation organizations"
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    body = gateway.call(answer(200, completion({"content": text}, usage=usage)), max_tokens=3).json()
    assert body["choices"][0]["message"]["content"] == text


def test_stream_that_breaks_off_is_free(gateway: Gateway) -> None:
    gateway.mock.reset()
    assert "error" in gateway.stream(breaks_off(chunk({"content": TEXT})))[-1]
    assert gateway.mock.ledger() == []


def test_body_longer_than_its_tokens_can_be_is_cut_off(gateway: Gateway) -> None:
    piece = event({"choices": [], "padding": "x" * 100_000})
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    response = gateway.call(raw(head + chunked(*[piece] * 50, ends=False)), stream=True, max_tokens=10)
    assert "more than the tokens" in response.json()["error"]["message"]
