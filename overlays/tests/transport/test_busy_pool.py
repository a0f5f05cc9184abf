"""Waiting for a free connection: bounded by a timeout of its own, never retried, and no fault of the network."""

from __future__ import annotations

import aurous
import httpx
import pytest
from aurous import errors
from aurous.transport import client_factory
from clientkit.callers import Make
from clientkit.streams import Stream
from testkit.conditions import PATIENCE
from testkit.raw_server import RawServer
from testkit.responses import GOOD
from testkit.streams import ROLE, sends


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_factory, "LIMITS", httpx.Limits(max_connections=1))


@pytest.mark.parametrize("timeout", [aurous.Timeouts(pool=0.1), aurous.Timeouts(pool=0.1, attempt=PATIENCE)])
def test_call_without_a_free_connection_ends_without_a_retry(
    timeout: aurous.Timeouts, wire: RawServer, live: Make
) -> None:
    wire.plays(sends(ROLE, then="stall", ends=False), GOOD)
    caller = live(wire.url)
    with Stream(caller) as stream:
        next(iter(stream))
        with pytest.raises(errors.APITimeoutError, match="no free connection in time") as caught:
            caller.create(timeout=timeout)
        assert not caught.value.sent
        assert len(caught.value.attempts) == 1
        assert len(wire.requests) == 1
    # The stream has given its connection back.
    assert caller.create().status == "completed"


def test_call_waits_for_a_free_connection_until_its_deadline(wire: RawServer, live: Make) -> None:
    wire.plays(sends(ROLE, then="stall", ends=False))
    caller = live(wire.url)
    with Stream(caller) as stream:
        next(iter(stream))
        with pytest.raises(errors.APITimeoutError) as caught:
            caller.create(timeout=aurous.Timeouts(connect=0.01, total=0.3))
        assert caught.value.attempts[0].elapsed > 0.2
        assert len(caught.value.attempts) == 1
