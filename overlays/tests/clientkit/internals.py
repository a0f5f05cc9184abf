"""The one place that reaches into a client, to see the connections, transport and locks that its users do not."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any


def set_transport(client: Any, transport: Any) -> None:
    """Let a client send by another transport, such as one with a clock of its own."""
    client._transport = transport


def held(client: Any) -> tuple[list[Any], list[Any]]:
    """The connections of a client that are in use, and the others; of one for coroutines, those of its loop."""
    connections = client._transport.http_client()
    # Beneath the switch for tools that patch httpx.
    connections = getattr(connections, "_direct", connections)
    if hasattr(connections, "_pool"):
        pooled = connections._pool.connections
        return (
            [connection._connection for connection in pooled if not connection.is_idle()],
            [connection._connection for connection in pooled if connection.is_idle()],
        )
    connector = connections._session.connector
    return [*connector._acquired], [one for idle in connector._conns.values() for one, _ in idle]


async def aheld(client: Any) -> tuple[list[Any], list[Any]]:
    return held(client)


def locked(client: Any) -> ExitStack:
    """As if another thread were at work on the transport and the ledger, for the length of a block."""
    with ExitStack() as stack:
        stack.enter_context(client._transport._lock)
        stack.enter_context(client.ledger._lock)
        return stack.pop_all()
