"""What streams of both kinds have in common: their block, the finalizer of abandoned ones, the response's metadata."""

from __future__ import annotations

import warnings
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Generic, NoReturn, Protocol, Self, TypeVar

from .._request.flow import StreamResponse
from ..errors import AurousError
from ..transport.effects import Flow
from ..types import ResponseInfo

if TYPE_CHECKING:
    from ..transport.async_ import AsyncTransport
    from ..transport.sync import SyncTransport

NOT_OPEN = "the stream is not open yet; use it in a with block, or iterate over it"


class StreamController(Protocol):
    """The life of one stream, without I/O: `ChatController` or `EventController`."""

    @property
    def response(self) -> StreamResponse | None:
        """None before the stream is open."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether the stream was opened and has not ended."""
        ...

    def open(self) -> Flow[None]: ...

    def close(self, error: BaseException | None = None) -> Flow[None]: ...

    def abandon(self) -> None: ...


ControllerT = TypeVar("ControllerT", bound=StreamController)


class BaseStream(Generic[ControllerT]):
    """A stream, for threads or for coroutines."""

    _BLOCK: ClassVar[str]
    _controller: ControllerT

    @property
    def response_info(self) -> ResponseInfo:
        """Request id, applied version, rate limits. Raises AurousError before the stream is open."""
        response = self._controller.response
        if response is None:
            raise AurousError(NOT_OPEN)
        return response.info

    def __reduce__(self) -> NoReturn:
        # A copy would share the connection, and disconnect when it is collected.
        raise TypeError("a stream holds a connection, and cannot be copied or pickled; what it delivered can be")

    def __del__(self) -> None:
        # Not by `__dict__`: that would keep what is being collected for one more collection.
        controller: ControllerT | None = getattr(self, "_controller", None)
        if controller is None:
            return
        is_open = controller.is_open
        # One whose closing was interrupted has more to do, too.
        controller.abandon()
        if is_open:
            message = f"{self!r} was not closed; use it in a block: {self._BLOCK} client...stream(...) as stream:"
            warnings.warn(message, ResourceWarning, stacklevel=1, source=self)


class SyncStream(BaseStream[ControllerT]):
    """A stream for threads."""

    _BLOCK = "with"

    def __init__(self, controller: ControllerT, transport: SyncTransport) -> None:
        self._controller = controller
        self._transport = transport

    def __enter__(self) -> Self:
        self._transport.run(self._controller.open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.run(self._controller.close(error))

    def close(self) -> None:
        """Disconnect. An incomplete chat completion is cancelled by the server, and the tokens so far are charged."""
        self._transport.run(self._controller.close())


class AsyncStream(BaseStream[ControllerT]):
    """A stream for coroutines."""

    _BLOCK = "async with"

    def __init__(self, controller: ControllerT, transport: AsyncTransport) -> None:
        self._controller = controller
        self._transport = transport

    async def __aenter__(self) -> Self:
        await self._transport.run(self._controller.open())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.run(self._controller.close(error))

    async def close(self) -> None:
        """As that of `SyncStream`."""
        await self._transport.run(self._controller.close())
