"""Recovery: which requests are sent when, by a clock that the tests move; a record compared with what was delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from attrs import define, field
from aurous._config.options import Options
from aurous._config.policies import RetryPolicy, Timeouts
from aurous._config.secret import Secret
from aurous._request.flow import RequestFlow
from aurous._request.retry_quota import RetryQuota
from aurous._stream.accumulator import Accumulator
from aurous._stream.context import StreamContext
from aurous._stream.recovery import Recovery, cancel, compare, recover
from aurous.billing.ledger import Ledger
from aurous.errors import APIConnectionError, APITimeoutError, NotFoundError, ServerError
from aurous.transport.effects import Flow, RawResponse, SendRequest, Sleep, TransportFailure
from aurous_client.api.chat.create_chat_completion import OPERATION
from aurous_client.models import ChatCompletion, ChatCompletionChunk
from aurous_client.operations import Operation, Request
from clientkit.callers import Time
from hypothesis import given
from hypothesis import strategies as st
from testkit.responses import KEY, envelope
from testkit.streams import RED, ROLE, USAGE, chunk, record

T = TypeVar("T")


def reply(document: Any, status: int = 200) -> RawResponse:
    return RawResponse(status_code=status, headers={}, content=json.dumps(document).encode())


@define
class Play:
    """Runs flows: responds to requests with the prepared answers, repeating the last one."""

    answers: list[RawResponse | TransportFailure]
    time: Time = field(factory=Time)
    ledger: Ledger = field(factory=Ledger)
    sent: list[SendRequest] = field(factory=list)

    def context(self) -> StreamContext:
        options = Options(
            api_key=Secret(KEY), base_url="https://api.test", api_version=None, retry=RetryPolicy(max_retries=0)
        )

        def make_flow(operation: Operation[Any], request: Request) -> RequestFlow:
            return RequestFlow(
                operation, request, options, clock=self.time.clock, random=lambda: 0.0, quota=RetryQuota(None)
            )

        opening = Request(method="POST", path=OPERATION.path)
        return StreamContext(
            options,
            self.ledger,
            opening,
            clock=self.time.clock,
            make_flow=make_flow,
            make_stream_flow=lambda: make_flow(OPERATION, opening),
        )

    def run(self, flow: Flow[T]) -> T:
        result: RawResponse | TransportFailure | None = None
        try:
            while True:
                effect = flow.send(result)
                if isinstance(effect, Sleep):
                    self.time.sleep(effect.seconds)
                    result = None
                else:
                    self.sent.append(effect)
                    result = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        except StopIteration as end:
            result: T = end.value
            return result

    def recover(self, within: float = 30.0, delivered: list[dict[str, Any]] | None = None) -> Recovery:
        self.ledger.begin("cmp_1")
        choice = accumulate([ROLE, RED] if delivered is None else delivered).choice
        return self.run(recover("cmp_1", choice, self.context(), Timeouts(), within=within))

    def cancel(self) -> ChatCompletion:
        self.ledger.begin("cmp_1")
        return self.run(cancel("cmp_1", self.context(), Timeouts()))


def accumulate(frames: list[dict[str, Any]]) -> Accumulator:
    accumulator = Accumulator()
    for frame in frames:
        accumulator.add(ChatCompletionChunk.from_dict(frame))
    return accumulator


RUNNING = reply(record("Re", "in_progress"))
DONE = reply(record())


class TestRecover:
    def test_recover_asks_once_if_the_record_is_final(self) -> None:
        play = Play([DONE])
        recovery = play.recover()
        assert (recovery.outcome, recovery.rest, recovery.agrees) == ("completed", ", green", True)
        assert recovery.receipt is not None
        assert recovery.receipt.credits == Decimal("0.0117")
        assert play.time.slept == []
        assert [(send.method, send.url) for send in play.sent] == [
            ("GET", "https://api.test/v1/chat/completions/cmp_1")
        ]
        assert play.ledger.credits == Decimal("0.0117")
        assert play.ledger.unsettled == ()

    def test_recover_polls_at_growing_intervals(self) -> None:
        play = Play([*[RUNNING] * 7, DONE])
        assert play.recover().outcome == "completed"
        assert play.time.slept == [0.25, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]

    def test_recover_ends_at_its_deadline(self) -> None:
        play = Play([RUNNING])
        recovery = play.recover(within=5.0)
        assert (recovery.outcome, recovery.receipt) == ("in_progress", None)
        assert play.time.slept == [0.25, 0.5, 1.0, 2.0, 1.25]
        assert play.ledger.unsettled == ("cmp_1",)
        assert play.ledger.credits == 0

    def test_recover_waits_for_unknown_states(self) -> None:
        play = Play([reply(record(status="queued")), DONE])
        assert play.recover().outcome == "completed"
        assert len(play.sent) == 2

    def test_recover_requests_time_out_at_the_deadline(self) -> None:
        play = Play([RUNNING])
        play.recover(within=3.0)
        totals = [send.total for send in play.sent]
        assert totals[0] == 3.0
        assert totals == sorted(totals, reverse=True)
        assert totals[-1] == 1.0

    def test_recover_returns_the_last_record_at_the_deadline(self) -> None:
        late = TransportFailure(message="no response in time", sent=True, timed_out=True)
        recovery = Play([RUNNING, late]).recover(within=1.0)
        assert (recovery.outcome, recovery.completion.status) == ("in_progress", "in_progress")

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (TransportFailure(message="no response in time", sent=True, timed_out=True), APITimeoutError),
            (TransportFailure(message="cannot connect", sent=False), APIConnectionError),
            (reply(envelope("resource_not_found", "not_found"), 404), NotFoundError),
            (reply(envelope("internal_error", "server_error"), 500), ServerError),
        ],
    )
    def test_recover_raises_the_errors_of_a_call(
        self, answer: RawResponse | TransportFailure, kind: type[Exception]
    ) -> None:
        with pytest.raises(kind):
            Play([answer]).recover()

    @pytest.mark.parametrize(
        ("status", "charged"), [("completed", "0.0117"), ("cancelled", "0.0117"), ("failed", "0.0117")]
    )
    def test_recover_enters_the_receipt_of_a_final_record_once(self, status: str, charged: str) -> None:
        play = Play([reply(record(status=status))])
        first, second = play.recover(), play.recover()
        assert first.outcome == status
        assert first.receipt == second.receipt
        assert play.ledger.credits == Decimal(charged)
        assert sum(line.calls for line in play.ledger.by_model.values()) == 1


class TestCancel:
    def test_cancel_returns_the_record(self) -> None:
        play = Play([reply(record("Red", "cancelled"))])
        assert play.cancel().status == "cancelled"
        assert [(send.method, send.url) for send in play.sent] == [
            ("POST", "https://api.test/v1/chat/completions/cmp_1/cancel")
        ]
        assert play.ledger.credits == Decimal("0.0117")

    def test_cancel_of_finished_completion_returns_its_record(self) -> None:
        play = Play([reply(envelope("chat_cancel_target_already_terminal"), 409), DONE])
        assert play.cancel().status == "completed"
        assert [send.method for send in play.sent] == ["POST", "GET"]

    def test_cancel_waits_for_a_bounded_time(self) -> None:
        play = Play([DONE])
        play.cancel()
        assert play.sent[0].total == 15.0

    def test_cancel_of_unknown_completion_raises_not_found(self) -> None:
        with pytest.raises(NotFoundError):
            Play([reply(envelope("chat_cancel_target_not_found", "not_found"), 404)]).cancel()


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def piece(index: int, arguments: str, call_id: str | None = None, name: str | None = None) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": name} if name else {})
    named = {"id": call_id, "type": "function"} if call_id else {}
    return chunk({"tool_calls": [{"index": index, **named, "function": function}]})


def token(text: str) -> dict[str, Any]:
    return {"token": text, "logprob": -0.5, "bytes": None, "top_logprobs": []}


WEATHER, CLOCK = call("call_1", "weather", '{"city": "Rome"}'), call("call_2", "clock", "{}")
CALLS = record(None, message={"tool_calls": [WEATHER, CLOCK]}, choice={"finish_reason": "tool_calls"})


def compared(whole: dict[str, Any], *frames: dict[str, Any]) -> Recovery:
    return compare(ChatCompletion.from_dict(whole), accumulate([ROLE, *frames]).choice, Ledger())


class TestCompare:
    @pytest.mark.parametrize(
        ("delivered", "rest"),
        [([], "Red, green"), ([RED], ", green"), ([RED, chunk({"content": ", green"})], "")],
    )
    def test_comparison_delivers_only_the_remaining_text(self, delivered: list[dict[str, Any]], rest: str) -> None:
        recovery = compared(record(), *delivered)
        assert (recovery.agrees, recovery.rest) == (True, rest)
        assert recovery.continuation is not None
        assert recovery.continuation.choices[0].finish_reason == "stop"
        assert recovery.continuation.usage == recovery.completion.usage

    def test_comparison_delivers_nothing_if_nothing_remains(self) -> None:
        recovery = compared(record("Red"), RED, chunk({}, "stop"))
        assert (recovery.agrees, recovery.rest, recovery.continuation) == (True, "", None)

    @pytest.mark.parametrize("content", ["Blue", "R", "", None])
    def test_comparison_delivers_nothing_if_record_and_stream_disagree(self, content: str | None) -> None:
        recovery = compared(record(content), RED)
        assert (recovery.agrees, recovery.rest, recovery.continuation) == (False, "", None)

    @pytest.mark.parametrize(
        ("delivered", "rest"),
        [
            ([], [(0, "call_1", "weather", '{"city": "Rome"}'), (1, "call_2", "clock", "{}")]),
            ([piece(0, '{"ci', "call_1", "weather")], [(0, None, None, 'ty": "Rome"}'), (1, "call_2", "clock", "{}")]),
            ([piece(0, '{"city": "Rome"}', "call_1", "weather")], [(1, "call_2", "clock", "{}")]),
            ([piece(0, "", "call_1")], [(0, None, "weather", '{"city": "Rome"}'), (1, "call_2", "clock", "{}")]),
            ([piece(0, '{"city": "Rome"}', "call_1", "weather"), piece(1, "{}", "call_2", "clock")], []),
        ],
    )
    def test_comparison_delivers_the_remaining_tool_calls(
        self, delivered: list[dict[str, Any]], rest: list[Any]
    ) -> None:
        recovery = compared(CALLS, *delivered)
        assert recovery.agrees
        assert recovery.continuation is not None
        pieces = recovery.continuation.choices[0].delta.tool_calls or ()
        parts = [
            (
                accumulator.index,
                accumulator.id or None,
                (accumulator.function.name or None),
                accumulator.function.arguments,
            )
            for accumulator in pieces
            if accumulator.function
        ]
        assert parts == rest

    @pytest.mark.parametrize(
        "delivered",
        [
            [piece(0, '{"town', "call_1", "weather")],
            [piece(0, "", "call_9", "weather")],
            [piece(0, "", "call_1", "clock")],
            [piece(number, "", f"call_{number + 1}") for number in range(3)],
        ],
    )
    def test_comparison_detects_tool_calls_that_disagree(self, delivered: list[dict[str, Any]]) -> None:
        recovery = compared(CALLS, *delivered)
        assert (recovery.agrees, recovery.continuation) == (False, None)

    def test_comparison_delivers_the_remaining_logprobs(self) -> None:
        whole = record(choice={"logprobs": {"content": [token("Red"), token(", green")]}})
        come = {**RED, "choices": [{**RED["choices"][0], "logprobs": {"content": [token("Red")]}}]}
        recovery = compared(whole, come)
        assert recovery.continuation is not None
        left = recovery.continuation.choices[0].logprobs
        assert left
        assert [accumulator.token for accumulator in left.content or ()] == [", green"]

    def test_comparison_accepts_a_record_without_choices(self) -> None:
        recovery = compared({**record(), "choices": []}, RED)
        assert (recovery.agrees, recovery.rest, recovery.continuation) == (True, "", None)

    @given(
        st.lists(st.text(max_size=4), max_size=5),
        st.lists(st.lists(st.text(max_size=4), max_size=3), max_size=3),
        st.data(),
    )
    def test_delivered_and_remaining_chunks_add_up_to_the_record(
        self, texts: list[str], calls: list[list[str]], data: st.DataObject
    ) -> None:
        frames = list(_frames(texts, calls))
        place = data.draw(st.integers(0, len(frames)))
        whole = accumulate([ROLE, *frames, chunk({}, "stop", usage=USAGE)]).completion()
        delivered = accumulate([ROLE, *frames[:place]])
        recovery = compare(whole, delivered.choice, Ledger())
        assert recovery.agrees
        assert recovery.continuation is not None
        delivered.add(recovery.continuation)
        assert delivered.completion().to_dict() == whole.to_dict()


def _frames(texts: list[str], calls: list[list[str]]) -> Iterator[dict[str, Any]]:
    yield from (chunk({"content": text}) for text in texts)
    for index, pieces in enumerate(calls):
        yield piece(index, "", f"call_{index}", "weather")
        yield from (piece(index, text) for text in pieces)
