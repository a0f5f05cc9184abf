"""The metadata of results."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings

import aurous
import pytest
from aurous.types import Attempt, ResponseInfo
from clientkit.callers import Make, Time
from testkit.raw_server import RawServer
from testkit.responses import GOOD, MESSAGES, MODEL, answer, completion
from testkit.streams import WHOLE, events

HEADERS = {
    "Aurous-Request-Id": "req_1",
    "Aurous-Version": "2026-05-15",
    "Aurous-Idempotent-Replayed": "true",
    "Aurous-Idempotency-Status": "accepted",
    "X-RateLimit-Limit": "120",
    "X-RateLimit-Remaining": "119",
    "X-RateLimit-Reset": "1714752912",
    "X-RateLimit-TPM-Limit": "100000",
    "X-RateLimit-TPM-Remaining": "soon",
}


def test_response_info_has_everything_in_the_headers(wire: RawServer, make: Make, time: Time) -> None:
    wire.plays(answer(503, b""), answer(200, completion(), headers=HEADERS))
    info = aurous.response_info(make(wire.url).create(idempotency_key="mine"))
    assert (info.status_code, info.request_id, info.api_version) == (200, "req_1", "2026-05-15")
    assert info.idempotent_replayed
    assert (info.idempotency_status, info.idempotency_key) == ("accepted", "mine")
    assert info.requests_per_minute == aurous.RateLimit(limit=120, remaining=119, reset=1714752912)
    assert info.tokens_per_minute == aurous.RateLimit(limit=100000)
    assert [attempt.status_code for attempt in info.attempts] == [503, 200]
    assert info.elapsed == pytest.approx(sum(time.slept))
    assert info.headers["x-ratelimit-limit"] == "120"


def test_response_info_is_empty_without_headers() -> None:
    info = ResponseInfo(status_code=200, headers={"ratelimit-limit": "5"})
    assert (info.request_id, info.api_version, info.idempotency_status) == (None, None, None)
    assert not info.idempotent_replayed
    # One page names the headers without the X-.
    assert info.requests_per_minute == aurous.RateLimit(limit=5)
    assert info.tokens_per_minute == aurous.RateLimit()


@pytest.mark.parametrize(
    ("earlier", "charged_before"),
    [
        ([], True),
        ([Attempt(number=1, elapsed=0, status_code=429)], True),
        ([Attempt(number=1, elapsed=0, error="cannot connect", sent=False)], True),
        ([Attempt(number=1, elapsed=0, error="reset")], False),
        ([Attempt(number=1, elapsed=0, status_code=502)], False),
    ],
)
def test_response_info_says_whether_a_replay_was_charged_to_this_call(
    earlier: list[Attempt], charged_before: bool
) -> None:
    last = Attempt(number=9, elapsed=0, status_code=200)
    replayed = {"aurous-idempotent-replayed": "true"}
    assert (
        ResponseInfo(status_code=200, headers=replayed, attempts=(*earlier, last)).is_charged_before == charged_before
    )
    assert not ResponseInfo(status_code=200, headers={}, attempts=(*earlier, last)).is_charged_before


def test_response_info_of_other_objects_raises_type_error(wire: RawServer, make: Make) -> None:
    wire.plays(GOOD)
    result = make(wire.url).create()
    for other in (result.choices[0], pickle.loads(pickle.dumps(result)), copy.deepcopy(result), result.usage):
        with pytest.raises(TypeError, match="is not the result of a call; pass what the call returned"):
            aurous.response_info(other)


SUNSET = {"Aurous-Deprecated": "route", "Sunset": "Tue, 04 Aug 2026 00:00:00 GMT"}
OLD = answer(200, completion(), headers=SUNSET)


def line_of_this_call() -> int:
    """The line after the one that calls this."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno + 1


def places(caught: pytest.WarningsRecorder) -> list[tuple[str, int]]:
    """Where the deprecations point; the collector of garbage may have warned of other things."""
    return [(warning.filename, warning.lineno) for warning in caught if warning.category is DeprecationWarning]


class TestDeprecation:
    def test_deprecation_warns_at_the_callers_line(self, wire: RawServer) -> None:
        wire.plays(OLD)
        client = aurous.Aurous("al_live_key", base_url=wire.url)
        line = line_of_this_call() + 1
        with pytest.warns(DeprecationWarning, match=r"uses \(route\); it ends on 2026-08-04 00:00 UTC") as caught:
            client.chat.completions.create(model=MODEL, messages=MESSAGES)
        client.close()
        assert places(caught) == [(__file__, line)]

    async def _ask(self, url: str) -> int:
        client = aurous.AsyncAurous("al_live_key", base_url=url)
        line = line_of_this_call()
        await client.chat.completions.create(model=MODEL, messages=MESSAGES)
        await client.close()
        return line

    def test_deprecation_warns_at_the_callers_line_in_coroutines(self, wire: RawServer) -> None:
        import asyncio

        wire.plays(OLD)
        with pytest.warns(DeprecationWarning, match="route") as caught:
            line = asyncio.run(self._ask(wire.url))
        assert places(caught) == [(__file__, line)]

    def test_deprecation_warns_through_generated_functions(self, wire: RawServer) -> None:
        from aurous_client.api.models import list_models

        wire.plays(answer(200, {"object": "list", "data": []}, headers={"Sunset": "soon"}))
        with (
            aurous.Aurous("al_live_key", base_url=wire.url) as client,
            pytest.warns(DeprecationWarning, match="not named") as caught,
        ):
            list_models.sync(client=client)
        assert [filename for filename, _ in places(caught)] == [__file__]

    def test_deprecation_warns_for_streams(self, wire: RawServer) -> None:
        wire.plays(answer(200, events(*WHOLE), headers=SUNSET, kind="text/event-stream"))
        client = aurous.Aurous("al_live_key", base_url=wire.url)
        stream = client.chat.completions.stream(model=MODEL, messages=MESSAGES)
        with pytest.warns(DeprecationWarning, match="route") as caught, client, stream:
            list(stream)
        assert [filename for filename, _ in places(caught)] == [__file__]

    def test_deprecation_made_an_error_is_raised_after_the_receipt_is_entered(self, wire: RawServer) -> None:
        wire.plays(OLD)
        client = aurous.Aurous("al_live_key", base_url=wire.url)
        with client, warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            with pytest.raises(DeprecationWarning):
                client.chat.completions.create(model=MODEL, messages=MESSAGES)
        assert client.ledger.by_model[MODEL].calls == 1
