"""Event hooks of the user's own httpx client that refuse responses with `raise_for_status`."""

from __future__ import annotations

from typing import Any

import aurous
import httpx
import pytest
from clientkit.callers import Caller, Time
from testkit.raw_server import RawServer
from testkit.responses import BUSY, GOOD, KEY, answer, envelope


def refusing_client(kind: str, *, reads: bool) -> Any:
    def refuse(response: httpx.Response) -> None:
        if reads:
            response.read()
        response.raise_for_status()

    async def refuse_later(response: httpx.Response) -> None:
        if reads:
            await response.aread()
        response.raise_for_status()

    if kind == "sync":
        return httpx.Client(event_hooks={"response": [refuse]})
    return httpx.AsyncClient(event_hooks={"response": [refuse_later]})


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("reads", [True, False])
def test_refused_response_raises_the_error_of_its_status_at_once(kind: str, reads: bool, wire: RawServer) -> None:
    wire.plays(answer(400, envelope("invalid_format")))
    caller = Caller(kind, Time(), wire.url, http_client=refusing_client(kind, reads=reads))
    with pytest.raises(aurous.InvalidRequestError) as caught:
        caller.create()
    assert (caught.value.status_code, caught.value.code) == (400, "invalid_format" if reads else None)
    assert len(wire.requests) == 1
    assert KEY not in repr([caught.value, caught.value.__cause__, caught.value.__context__])
    caller.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_refused_response_is_retried_by_its_status(kind: str, wire: RawServer) -> None:
    wire.plays(BUSY, GOOD)
    caller = Caller(kind, Time(), wire.url, http_client=refusing_client(kind, reads=True))
    assert [each.status_code for each in aurous.response_info(caller.create()).attempts] == [503, 200]
    caller.close()
