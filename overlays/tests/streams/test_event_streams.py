"""Streams of typed events, of any operation: opened like a call, parsed by the spec, entered in the ledger, closed."""

from __future__ import annotations

import gc
import warnings
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aurous
import pytest
from aurous._stream.event_parser import NOTHING, EventParser
from aurous_client.errors import ParseError
from aurous_client.operations import Charge, EventFormat, Operation, Request
from aurous_client.parsing import string
from clientkit.callers import Caller, Make
from clientkit.streams import IMPATIENT, Ends, Stream, connections, in_use
from testkit.conditions import eventually
from testkit.raw_server import RawServer, raw
from testkit.responses import answer, chunked, envelope
from testkit.streams import begin, in_pieces, sends


@dataclass
class Tick:
    """An event, made as generated models are."""

    size: int
    additional_properties: dict[str, Any]


def parse(document: Any) -> Tick:
    if not isinstance(document, dict) or not isinstance(document.get("size"), int):
        raise ParseError("an object with a size", document)
    rest = dict(document)
    return Tick(rest.pop("size"), rest)


DONE = "[DONE]"
ENDED = EventFormat(parse=parse, terminator=DONE)
OPEN_ENDED = EventFormat(parse=parse)
LINES = EventFormat(parse=parse, media_type="application/x-ndjson")
TEXT = EventFormat(parse=string, format="text")
ONE, TWO = {"size": 1}, {"size": 2}
INFO = aurous.ResponseInfo(status_code=200, headers={}, attempts=())


def operation(events: EventFormat[Any], **members: Any) -> Operation[Any]:
    return Operation(
        id="watchImaginary",
        method=members.pop("method", "GET"),
        path="/v1/imaginary",
        parse=parse,
        events=events,
        **members,
    )


class Events(Stream):
    """A stream of typed events of either client, used alike."""

    def __init__(self, caller: Caller, events: EventFormat[Any], **members: Any) -> None:
        self._caller = caller
        request = Request(
            method=members.get("method", "GET"), path="/v1/imaginary", timeout=members.pop("timeout", None)
        )
        opener = caller.client.stream_events if caller.kind == "sync" else caller.client.astream_events
        self.made: Any = opener(operation(events, **members), events, request)


def lines(*pieces: bytes, ends: bool = True) -> bytes:
    return begin("Transfer-Encoding: chunked", kind="application/x-ndjson") + chunked(*pieces, ends=ends)


def read(caller: Caller, events: EventFormat[Any], **members: Any) -> list[Any]:
    with Events(caller, events, **members) as stream:
        return list(stream)


def test_events_are_parsed_up_to_the_last_one(make: Make, wire: RawServer) -> None:
    wire.plays(sends(b": keep-alive\n\n", ONE, b"event: ping\ndata: {}\n\n", TWO, DONE, {"after": "the end"}))
    caller = make(wire.url)
    with Events(caller, ENDED) as stream:
        assert [type(event) for event in stream] == [Tick, Tick]
        assert list(stream) == []
        assert aurous.response_info(stream.made).status_code == 200
    [request] = wire.requests
    assert (request.header("Accept"), request.header("Accept-Encoding")) == ("text/event-stream", "identity")
    assert in_use(caller) == []


def test_stream_without_a_last_event_ends_with_its_body(make: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, TWO))
    assert len(read(make(wire.url), OPEN_ENDED)) == 2


def test_connection_of_a_finished_stream_is_used_again(make: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, DONE))
    caller = make(wire.url)
    assert len(read(caller, ENDED)) == len(read(caller, ENDED)) == 1
    assert wire.connections == 1


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_json_lines_are_read_one_by_one(make: Make, wire: RawServer, ending: bytes) -> None:
    first, second = b'{"size":1}', b'{"size":2}'
    wire.plays(raw(lines(first[:9], first[9:] + b"\r\n\n" + second[:3], second[3:] + ending), then="keep"))
    assert len(read(make(wire.url), LINES)) == 2
    assert wire.requests[0].header("Accept") == "application/x-ndjson"


def test_first_line_is_delivered_before_the_last_is_sent(live: Make, wire: RawServer) -> None:
    wire.plays(raw(lines(b'{"size":1}\n', ends=False), then="stall"))
    with Events(live(wire.url), LINES) as stream:
        assert next(iter(stream)).size == 1


def test_text_events_are_delivered_as_they_are(make: Make, wire: RawServer) -> None:
    wire.plays(sends("one", b"data: two\ndata: lines\n\n"))
    assert read(make(wire.url), TEXT) == ["one", "two\nlines"]


def test_opening_is_retried_like_a_call(make: Make, wire: RawServer) -> None:
    wire.plays(answer(503, envelope("internal_error", "server_error"), headers={"Retry-After": "1"}), sends(ONE, DONE))
    assert len(read(make(wire.url), ENDED)) == 1
    assert len(wire.requests) == 2


def test_opening_of_what_is_not_repeatable_is_not_retried(make: Make, wire: RawServer) -> None:
    wire.plays(raw(b""), sends(ONE, DONE))
    with pytest.raises(aurous.APIConnectionError):
        read(make(wire.url), ENDED, method="POST")
    assert len(wire.requests) == 1


def test_refused_stream_raises_the_error_of_its_code(make: Make, wire: RawServer) -> None:
    wire.plays(answer(404, envelope("resource_not_found", "not_found")))
    stream = Events(make(wire.url), ENDED)
    for _ in range(2):
        with pytest.raises(aurous.NotFoundError):
            next(iter(stream))
    assert len(wire.requests) == 1


def test_answer_that_is_no_stream_is_an_error(make: Make, wire: RawServer) -> None:
    wire.plays(answer(200, ONE))
    with pytest.raises(aurous.APIResponseValidationError, match="expected a body of type text/event-stream"):
        read(make(wire.url), ENDED)


ERROR = envelope("balance_too_low")


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(ERROR, id="data"),
        pytest.param(b'event: error\ndata: {"error":{"code":"balance_too_low","message":"m"}}\n\n', id="event"),
        pytest.param({**ONE, **ERROR}, id="beside members"),
    ],
)
def test_error_in_a_stream_is_raised_after_the_events_before_it(make: Make, wire: RawServer, frame: Any) -> None:
    wire.plays(sends(ONE, frame, TWO))
    caller = make(wire.url)
    stream = Events(caller, ENDED)
    events = iter(stream)
    assert next(events).size == 1
    for _ in range(2):
        with pytest.raises(aurous.BalanceTooLowError):
            next(iter(stream))
    assert in_use(caller) == []


@pytest.mark.parametrize("events", [ENDED, OPEN_ENDED, TEXT], ids=["ended", "open-ended", "text"])
def test_error_without_data_is_not_the_end_of_a_stream(make: Make, wire: RawServer, events: EventFormat[Any]) -> None:
    wire.plays(sends(ONE, b"event: error\ndata:\n\n", DONE))
    with pytest.raises(aurous.ServerError):
        read(make(wire.url), events)


@pytest.mark.parametrize("frame", [{"other": 1}, {"size": "many"}, "no JSON", "[]"])
def test_invalid_event_is_an_error(make: Make, wire: RawServer, frame: Any) -> None:
    wire.plays(sends(ONE, frame, DONE))
    with pytest.raises(aurous.APIResponseValidationError) as raised:
        read(make(wire.url), ENDED)
    assert raised.value.status_code == 200


@pytest.mark.parametrize(
    ("events", "sent", "then"),
    [
        pytest.param(ENDED, in_pieces(b'data: {"size":1}\n\n'), "keep", id="no last event"),
        pytest.param(
            OPEN_ENDED, in_pieces(b'data: {"size":1}\n\ndata: {"si'), "keep", id="within an event"
        ),
        pytest.param(
            LINES, lines(b'{"size":1}\n{"size":'), "keep", id="within a line"
        ),
        pytest.param(
            OPEN_ENDED, in_pieces(b'data: {"size":1}\n\n', ends=False), "close", id="cut short"
        ),
        pytest.param(
            OPEN_ENDED, in_pieces(b'data: {"size":1}\n\n', ends=False), "reset", id="reset"
        ),
    ],
)  # fmt: skip
def test_interrupted_stream_says_after_how_many_events(
    make: Make, wire: RawServer, events: EventFormat[Any], sent: bytes, then: Any
) -> None:
    wire.plays(raw(sent, then=then))
    caller = make(wire.url)
    with Events(caller, events) as stream, pytest.raises(aurous.StreamInterruptedError, match="after 1 event:"):
        list(stream)
    assert in_use(caller) == []


def test_event_that_lacks_only_its_blank_line_is_delivered(make: Make, wire: RawServer) -> None:
    wire.plays(raw(in_pieces(b'data: {"size":1}'), then="keep"))
    assert len(read(make(wire.url), OPEN_ENDED)) == 1


def test_stream_that_does_not_continue_times_out(live: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, ends=False, then="stall"))
    with Events(live(wire.url), ENDED, timeout=IMPATIENT) as stream:
        events = iter(stream)
        assert next(events).size == 1
        with pytest.raises(aurous.IdleTimeoutError, match=r"after 1 event: no further event within 0\.1 s"):
            next(events)


def test_leaving_the_block_early_disconnects(make: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, ONE, ends=False, then="stall"))
    caller = make(wire.url)
    with Events(caller, ENDED) as stream:
        next(iter(stream))
    assert connections(caller) == []
    with pytest.raises(aurous.AurousError, match="closed before its end"):
        next(iter(stream))


def test_stream_that_nobody_closes_is_closed_with_a_warning(make: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, ends=False, then="stall"))
    caller = make(wire.url, hooks=[hook := Ends()])
    stream = Events(caller, ENDED)
    next(iter(stream))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del stream
        gc.collect()
    assert [warning.category for warning in caught if "was not closed" in str(warning.message)] == [ResourceWarning]
    assert len(hook.reports) == 1
    assert eventually(lambda: not in_use(caller))


PRICED = {"method": "POST", "charge": Charge(amount=("price", "amount"))}


def test_charge_of_a_stream_is_entered_once(make: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, {**TWO, "id": "imaginary_1", "price": {"amount": 0.1875}}, DONE))
    caller = make(wire.url)
    with Events(caller, ENDED, **PRICED) as stream:
        assert len(list(stream)) == 2
        assert stream.receipt.credits == aurous.receipt(stream.made).credits == Decimal("0.1875")
    assert caller.client.ledger.credits == Decimal("0.1875")
    [line] = caller.client.ledger.by_model.values()
    assert line.calls == 1


def test_charge_of_a_stream_counts_for_the_budget_it_was_opened_in(make: Make, wire: RawServer) -> None:
    wire.plays(sends({**TWO, "price": {"amount": 2}}, DONE))
    caller = make(wire.url)
    with caller.client.budget(credits=1) as budget:
        stream = Events(caller, ENDED, **PRICED)
        with stream:
            list(stream)
        assert budget.spent == 2
        with pytest.raises(aurous.BudgetExceededError):
            read(caller, ENDED, **PRICED)
    assert len(wire.requests) == 1


def test_charge_received_before_an_interruption_is_entered(make: Make, wire: RawServer) -> None:
    wire.plays(sends({**ONE, "price": {"amount": 2}}, ends=False, then="reset"))
    caller = make(wire.url)
    with pytest.raises(aurous.StreamInterruptedError):
        read(caller, ENDED, **PRICED)
    assert caller.client.ledger.credits == 2


def test_stream_without_a_price_is_unsettled(make: Make, wire: RawServer) -> None:
    wire.plays(sends({**ONE, "id": "imaginary_1"}, DONE))
    caller = make(wire.url)
    read(caller, ENDED, **PRICED)
    assert (caller.client.ledger.credits, caller.client.ledger.unsettled) == (0, ("imaginary_1",))


def test_hooks_learn_of_the_end_of_a_stream_once(make: Make, wire: RawServer) -> None:
    wire.plays(sends(ONE, DONE))
    read(make(wire.url, hooks=[hook := Ends()]), ENDED)
    assert hook.reports == [(None, None)]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("events", [ENDED, LINES])
def test_pieces_of_any_size_give_the_same_events(events: EventFormat[Tick], size: int) -> None:
    whole = b'{"size":1}\n' * 3
    if events is ENDED:
        whole = b"".join(b"data: %b\r\n\r\n" % line for line in whole.split()) + b"data: [DONE]\n\n"
    parser = EventParser(events, INFO, max_event_size=100, redact=bytes)
    items: list[Any] = []
    for start in range(0, len(whole), size):
        parser.receive_data(whole[start : start + size])
        while (event := parser.next_event()) is not NOTHING:
            items.append(event)
    assert parser.finish()
    assert [event.size for event in items] == [1, 1, 1]


@pytest.mark.parametrize("events", [ENDED, LINES])
def test_event_beyond_the_limit_is_an_error_after_those_before_it(events: EventFormat[Tick]) -> None:
    small, large = b'{"size":1}', b'{"size":1,"note":"%b"}' % (b"x" * 99)
    whole = b"data: %b\n\ndata: %b\n\n" % (small, large) if events is ENDED else b"%b\n%b\n" % (small, large)
    parser = EventParser(events, INFO, max_event_size=60, redact=bytes)
    parser.receive_data(whole)
    assert parser.next_event() is not NOTHING
    parser.receive_data(b"")
    with pytest.raises(aurous.APIResponseValidationError, match="larger than 60 bytes"):
        parser.next_event()
