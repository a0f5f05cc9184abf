"""Forwards requests to an OpenAI-compatible server, and maps its failures to documented error codes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import orjson

from aurous_mock.completions.parsed_request import ParsedRequest
from aurous_mock.generation.answer import Answer, Delta, Finish
from aurous_mock.generation.fake_model import Pace
from aurous_mock.generation.upstream_response import check_status, read_answer, read_blocks, read_stream
from aurous_mock.http.errors import APIError

# Members of this API that OpenAI-compatible servers may refuse.
_AUROUS_ONLY = ("vision_quality",)
MAX_CONNECTIONS = 1000
# A request that gets no connection within a second is refused.
_CONNECT_SECONDS, _POOL_SECONDS = 10, 1
_CONNECTIONS = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=100)


class Upstream:
    """An engine that forwards. The pace is the upstream's own.

    max_seconds: for a whole answer, from its request to its last byte
    """

    def __init__(self, url: str, key: str | None, model: str | None, max_seconds: float = 600.0) -> None:
        # An encoded answer of a few bytes may stand for gigabytes.
        headers = {"Accept-Encoding": "identity"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        timeout = httpx.Timeout(max_seconds, connect=_CONNECT_SECONDS, pool=_POOL_SECONDS)
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, limits=_CONNECTIONS)
        self._model = model
        self._max_seconds = max_seconds

    async def stop(self) -> None:
        await self._client.aclose()

    def _forwarded(self, request: ParsedRequest) -> bytes:
        body = {name: value for name, value in request.body.items() if name not in _AUROUS_ONLY}
        body["model"] = self._model or request.model.id
        body["max_tokens"] = request.max_tokens
        if request.streamed:
            # Whatever the client asked for: the receipt needs the counts.
            body["stream_options"] = {"include_usage": True}
        return orjson.dumps(body)

    def _request(self, request: ParsedRequest) -> httpx.Request:
        headers = {"Content-Type": "application/json"}
        return self._client.build_request(
            "POST", "/chat/completions", content=self._forwarded(request), headers=headers
        )

    async def _send(self, request: ParsedRequest) -> httpx.Response:
        return await self._client.send(self._request(request), stream=True)

    def _too_slow(self) -> APIError:
        return APIError("provider_timeout", f"The provider did not answer within {self._max_seconds:g} seconds.")

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        try:
            async with asyncio.timeout(self._max_seconds), _closing(await self._send(request)) as response:
                check_status(response)
                return read_answer(b"".join([block async for block in read_blocks(response, request.max_tokens)]))
        except TimeoutError as error:
            raise self._too_slow() from error
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _unexpected_response(error) from error

    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[Delta | Finish]:
        deadline = asyncio.get_running_loop().time() + self._max_seconds
        try:
            async with asyncio.timeout_at(deadline):
                sent = await self._send(request)
            async with _closing(sent) as response:
                check_status(response)
                async for part in read_stream(_until(deadline, read_blocks(response, request.max_tokens))):
                    yield part
        except TimeoutError as error:
            raise self._too_slow() from error
        except httpx.HTTPError as error:
            raise _unavailable(error) from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise _unexpected_response(error) from error


async def _until(deadline: float, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The blocks. Raises TimeoutError at the deadline, but only while it reads: the consumer is not interrupted."""
    while True:
        async with asyncio.timeout_at(deadline):
            block = await anext(blocks, None)
        if block is None:
            return
        yield block


@asynccontextmanager
async def _closing(response: httpx.Response) -> AsyncIterator[httpx.Response]:
    try:
        yield response
    finally:
        await response.aclose()


def _unavailable(error: Exception) -> APIError:
    return APIError("chat_provider_unavailable", f"The provider could not be reached: {type(error).__name__}.")


def _unexpected_response(error: Exception) -> APIError:
    return APIError("chat_provider_unknown_error", f"The provider's response is unexpected: {type(error).__name__}.")
