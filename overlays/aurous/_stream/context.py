"""What a stream needs of the client that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from aurous_client.operations import Operation, Request

from .._config.options import Options
from .._request.flow import RequestFlow
from ..billing.ledger import Ledger


class StreamContext(NamedTuple):
    """The settings, the ledger and the flows for the requests of one stream."""

    options: Options
    ledger: Ledger
    request: Request
    clock: Callable[[], float]
    """Monotonic seconds."""
    make_flow: Callable[[Operation[Any], Request], RequestFlow]
    """For further requests, which retrieve or cancel what is streamed."""
    make_stream_flow: Callable[[], RequestFlow]
    """For the request that opens the stream."""
