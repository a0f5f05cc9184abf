"""An engine that forwards requests to an OpenAI-compatible server, and maps its failures to documented error codes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urlsplit

import httpx
import orjson

from aurous_mock import request_log
from aurous_mock.errors import APIError
from aurous_mock.generation.answer import Answer, AnswerPart
from aurous_mock.generation.engine import Pace
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.upstream.answer_reader import AnswerReader, join
from aurous_mock.upstream.dialect import Dialect, Members
from aurous_mock.upstream.forwarding import forwarded_body
from aurous_mock.upstream.redaction import Redaction
from aurous_mock.upstream.refusals import Refusal, as_error, read_refusal
from aurous_mock.upstream.streams import in_time, read_blocks, read_parts
from aurous_mock.upstream.values import UnexpectedResponse

MAX_CONNECTIONS: Final = 1000
# A request that gets no connection within a second is refused.
_CONNECT_SECONDS, _POOL_SECONDS = 10, 1
_CONNECTIONS = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=100)
# A stream may take so many times longer than one answer, or one pause of it.
_STREAM_FACTOR: Final = 6
# How long a stream that has begun is waited for before the client learns that it has.
_FIRST_PART_SECONDS: Final = 5.0
_MOST_REFUSAL_BYTES: Final = 64 * 1024
_REFUSAL_SECONDS: Final = 5.0
# With the first; each refusal teaches one member.
_MOST_ATTEMPTS: Final = 3


def needs_certificates(url: str) -> bool:
    """Whether a client of this address has to load certificates, which takes a while."""
    return urlsplit(url).scheme != "http"


class Upstream:
    """An engine that forwards. The pace is the upstream's own.

    timeout: seconds for a whole answer, for the head of a stream, and between two events of it
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 600.0,
        dialect: Dialect = Dialect.AUTO,
        first_part_seconds: float = _FIRST_PART_SECONDS,
    ) -> None:
        # An encoded answer of a few bytes may stand for gigabytes.
        headers = {"Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        # Reading has deadlines of its own.
        limits = httpx.Timeout(timeout, connect=min(_CONNECT_SECONDS, timeout), pool=_POOL_SECONDS)
        verify = needs_certificates(url)
        self._client = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=limits, limits=_CONNECTIONS, verify=verify
        )
        self._key = key
        self._timeout = timeout
        self._first_part_seconds = first_part_seconds
        self._members = Members(dialect)

    async def stop(self) -> None:
        await self._client.aclose()

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        async with self._exchange(request, self._timeout) as parts:
            with self._mapped_errors():
                return join([part async for part in parts])

    @asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        async with self._exchange(request, _STREAM_FACTOR * self._timeout) as parts:
            # A failure before anything was sent has a status of its own: most servers fail at once or not at all.
            first = asyncio.ensure_future(anext(parts))
            try:
                with self._mapped_errors():
                    done, _ = await asyncio.wait([first], timeout=self._first_part_seconds)
                    if done:
                        first.result()
                async with aclosing(self._following(first, parts)) as following:
                    yield following
            finally:
                first.cancel()
                await asyncio.wait([first])

    async def _following(
        self, first: "asyncio.Future[AnswerPart]", parts: AsyncIterator[AnswerPart]
    ) -> AsyncGenerator[AnswerPart, None]:
        with self._mapped_errors():
            yield await first
            async for part in parts:
                yield part

    @asynccontextmanager
    async def _exchange(
        self, request: ParsedRequest, seconds: float
    ) -> AsyncIterator[AsyncGenerator[AnswerPart, None]]:
        """The parts of the server's answer, once it has accepted the request. seconds: for all of it"""
        deadline = asyncio.get_running_loop().time() + seconds
        redaction = Redaction(request.body, self._key)
        with self._mapped_errors():
            async with asyncio.timeout(self._timeout):
                response = await self._accepted(request, redaction)
        try:
            blocks = in_time(read_blocks(response, request.max_tokens), lambda: asyncio.timeout_at(deadline))
            async with aclosing(read_parts(blocks, AnswerReader(request, redaction), self._timeout)) as parts:
                yield parts
        finally:
            await response.aclose()

    async def _accepted(self, request: ParsedRequest, redaction: Redaction) -> httpx.Response:
        """The response to the request, which is a success. Raises APIError for the server's refusal."""
        model = request.model.upstream or request.model.id
        for attempt in range(1, _MOST_ATTEMPTS + 1):
            body = forwarded_body(request, model, self._members)
            message = self._client.build_request(
                "POST",
                "/chat/completions",
                content=orjson.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            response = await self._client.send(message, stream=True)
            if response.is_success:
                return response
            refusal = await _read_refusal(response)
            if attempt == _MOST_ATTEMPTS or not self._members.learn(model, body, refusal):
                raise as_error(refusal, redaction)
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        """Raises APIError for what goes wrong with the server, and says in the log what it was."""
        try:
            yield
        except (TimeoutError, httpx.ReadTimeout) as error:
            message = f"The provider sent nothing for {self._timeout:g} seconds, or did not finish in time."
            request_log.warn(f"the upstream server is too slow: nothing for {self._timeout:g} s, or no end in time")
            raise APIError("provider_timeout", message) from error
        except httpx.HTTPError as error:
            request_log.warn(f"the upstream server cannot be reached, or broke off: {type(error).__name__}: {error}")
            message = f"The provider could not be reached, or broke off: {type(error).__name__}."
            raise APIError("chat_provider_unavailable", message) from error
        except UnexpectedResponse as error:
            request_log.warn(f"the upstream server sent {error}")
            raise APIError("chat_provider_unknown_error", f"The provider sent {error}.") from error


async def _read_refusal(response: httpx.Response) -> Refusal:
    """The refusal of a response, which is closed. Its body is read as far as it helps."""
    raw = b""
    try:
        async with asyncio.timeout(_REFUSAL_SECONDS):
            async for block in response.aiter_raw():
                raw += block[: _MOST_REFUSAL_BYTES - len(raw)]
                if len(raw) >= _MOST_REFUSAL_BYTES:
                    break
    except (TimeoutError, httpx.HTTPError):
        # Its status says enough.
        pass
    finally:
        await response.aclose()
    return read_refusal(response.status_code, response.headers, raw)
