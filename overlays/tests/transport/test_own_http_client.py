"""The user's own HTTP client: which are taken, and whose timeout applies."""

from __future__ import annotations

from typing import Any

import aurous
import httpx
import httpx2
import openai
import pytest
from clientkit.callers import Caller, Time
from testkit.raw_server import RawServer
from testkit.responses import GOOD, KEY


@pytest.mark.parametrize(
    ("client", "given"),
    [
        (aurous.Aurous, httpx2.Client),
        (aurous.Aurous, openai.DefaultHttpxClient),
        (aurous.AsyncAurous, httpx2.AsyncClient),
        (aurous.AsyncAurous, openai.DefaultAsyncHttpxClient),
    ],
)
def test_client_of_httpx2_is_refused_with_the_reason(client: Any, given: Any) -> None:
    http_client = given()
    with pytest.raises(
        aurous.ConfigurationError, match=r"must be a client of httpx, not of httpx2 .* errors and timeouts"
    ):
        client(KEY, http_client=http_client)


def test_timeout_of_the_own_client_is_not_used(wire: RawServer) -> None:
    wire.plays(GOOD)
    timeouts: list[Any] = []

    def note(request: httpx.Request) -> None:
        timeouts.append(request.extensions["timeout"])

    with httpx.Client(timeout=0.001, event_hooks={"request": [note]}) as given:
        caller = Caller("sync", Time(), wire.url, http_client=given, timeout=aurous.Timeouts(connect=7, read=8))
        assert caller.create().status == "completed"
    assert (timeouts[0]["connect"], timeouts[0]["read"]) == (7, 8)
