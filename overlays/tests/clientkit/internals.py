"""The one place that reaches into a client, to see the connections, transport and locks that its users do not."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any


def transport_of(client: Any) -> Any:
    """The transport, which clients made by `with_options` share."""
    return client._transport


def set_transport(client: Any, transport: Any) -> None:
    """Let a client send by another transport, such as one with a clock of its own."""
    client._transport = transport


def connections_of(client: Any) -> Any:
    """The HTTP client of the running event loop, or of all threads, beneath the switch for tools that patch httpx."""
    found = client._transport.http_client()
    return getattr(found, "_direct", found)


def has_connections(client: Any) -> bool:
    """Whether a synchronous client has made its HTTP client."""
    return client._transport._client is not None


def count_event_loops(client: Any) -> int:
    """For how many event loops an asynchronous client has an HTTP client."""
    return len(client._transport._clients)


def held(client: Any) -> tuple[list[Any], list[Any]]:
    """The connections of a client that are in use, and the others; of one for coroutines, those of its loop."""
    found = connections_of(client)
    if hasattr(found, "_pool"):
        known = found._pool.connections
        return [one._connection for one in known if not one.is_idle()], [
            one._connection for one in known if one.is_idle()
        ]
    connector = found._session.connector
    return [*connector._acquired], [one for idle in connector._conns.values() for one, _ in idle]


async def aheld(client: Any) -> tuple[list[Any], list[Any]]:
    return held(client)


def locked(client: Any) -> ExitStack:
    """As if another thread were at work on the transport and the ledger, for the length of a block."""
    with ExitStack() as stack:
        stack.enter_context(client._transport._lock)
        stack.enter_context(client.ledger._lock)
        return stack.pop_all()


def controller_of(stream: Any) -> Any:
    """What drives a stream, and holds its response."""
    return stream._controller
