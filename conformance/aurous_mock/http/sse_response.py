"""Delivers a run as server-sent events over ASGI, and ends it when the client leaves; makes no answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson
from starlette.types import Receive, Send

from aurous_mock.completions.draft import BY_DISCONNECT, CANCELLED, COMPLETED, FAILED, failure_of
from aurous_mock.completions.service import BROKEN, Run
from aurous_mock.contract.spec import Contract
from aurous_mock.generation.answer import Delta, Finish
from aurous_mock.http.errors import Refused, envelope
from aurous_mock.http.frames import DONE, KEEP_ALIVE, Framer

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one stream is delivered."""

    warn: bool
    keep_alive: float
    error_frame: int | None
    provider_error: Refused | None
    notice_disconnect: bool


class Delivery:
    """One stream, from its first header to its last byte."""

    def __init__(self, run: Run, manner: Manner, contract: Contract, request_id: str, receive: Receive, send: Send):
        self._run = run
        self._manner = manner
        self._contract = contract
        self._request_id = request_id
        self._receive = receive
        self._send = send
        self._framer = Framer(run.draft)
        self._sent_at = 0.0

    async def deliver(self, deltas: AsyncIterator[Delta | Finish], headers: Headers) -> None:
        """Send all of it; the run has ended when this returns, whatever happens to the client."""
        await self._send({"type": "http.response.start", "status": 200, "headers": [*headers]})
        helpers = [asyncio.create_task(self._pulse())]
        if self._manner.notice_disconnect:
            helpers.append(asyncio.create_task(self._watch()))
        producer = asyncio.create_task(self._produce(deltas))
        self._run.attach(producer)
        try:
            await asyncio.wait([producer])
        finally:
            producer.cancel()
            await self._conclude(producer)
            for helper in helpers:
                helper.cancel()
        await self._finish()

    async def _produce(self, deltas: AsyncIterator[Delta | Finish]) -> None:
        if self._manner.warn:
            await self._emit(self._framer.warning())
        await self._emit(self._framer.role())
        number = 0
        async for delta in deltas:
            if number == self._manner.error_frame:
                raise self._manner.provider_error or Refused(
                    "chat_provider_unavailable", "The provider failed mid-stream."
                )
            if isinstance(delta, Finish):
                self._run.draft.end(delta)
                return
            # Into the draft first: what the client may have seen is always on the record.
            self._run.draft.add(delta)
            await self._emit(self._framer.delta(delta))
            number += 1

    async def _conclude(self, producer: "asyncio.Task[None]") -> None:
        run = self._run
        if producer.done() and not producer.cancelled():
            error = producer.exception()
            if error is None:
                await run.conclude(COMPLETED)
            else:
                await run.conclude(FAILED, failure_of(error) if isinstance(error, Refused) else BROKEN)
        else:
            await run.conclude(CANCELLED, run.failure or BY_DISCONNECT)

    async def _finish(self) -> None:
        """The last frames: the receipt, or the error. A client that left gets none, and the server drops them."""
        if self._run.status == FAILED:
            assert self._run.failure is not None
            refused = Refused(self._run.failure.code, self._run.failure.message)
            error = envelope(refused, self._contract.code(refused.code), self._request_id)
            await self._emit(b"data: " + orjson.dumps(error) + b"\n\n")
        else:
            await self._emit(self._framer.last(self._run.status))
        await self._emit(DONE)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _emit(self, frame: bytes) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": frame, "more_body": True})

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._run.interrupt(BY_DISCONNECT)

    async def _pulse(self) -> None:
        """A comment after every `keep_alive` seconds of silence, so that proxies keep the connection."""
        loop = asyncio.get_running_loop()
        while True:
            silence = loop.time() - self._sent_at if self._sent_at else 0.0
            if silence >= self._manner.keep_alive:
                await self._emit(KEEP_ALIVE)
                silence = 0.0
            await asyncio.sleep(self._manner.keep_alive - silence)
