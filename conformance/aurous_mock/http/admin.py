"""The mock's own endpoints: ledger, reset, clock, faults and answers for tests, under /_mock/, and /metrics."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aurous_mock import metrics
from aurous_mock.contract import json_body
from aurous_mock.contract.spec import Contracts
from aurous_mock.errors import APIError
from aurous_mock.http import faults
from aurous_mock.metrics import Metrics
from aurous_mock.scripting.scripts import check_script, read_script
from aurous_mock.storage.store import Store

PREFIX = "/_mock/"
# About 30 years: the clock stays within what dates can say.
MAX_ADVANCE = 1_000_000_000
# Each request is compared with every fault that is not spent.
MAX_SCRIPTS = 1000


def is_admin_path(path: str) -> bool:
    """Whether a path is one of these endpoints."""
    return path.startswith(PREFIX) or path == metrics.PATH


class Admin:
    """The admin endpoints of one server."""

    def __init__(self, store: Store, contracts: Contracts, metrics: Metrics) -> None:
        self._store = store
        self._codes = frozenset().union(*(contract.codes for contract in contracts.by_version.values()))
        self._metrics = metrics

    def table(self) -> list[Route]:
        return [
            Route(metrics.PATH, self.metrics, methods=["GET"]),
            Route(PREFIX + "ledger", self.ledger, methods=["GET"]),
            Route(PREFIX + "reset", self.reset, methods=["POST"]),
            Route(PREFIX + "clock", self.clock, methods=["POST"]),
            Route(PREFIX + "faults", self.faults, methods=["POST"]),
            Route(PREFIX + "answers", self.answers, methods=["GET", "POST"]),
        ]

    async def metrics(self, request: Request) -> Response:
        return Response(self._metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})

    async def ledger(self, request: Request) -> Response:
        charges = [charge.body() for charge in await self._store.charges()]
        return _json({"charges": charges})

    async def reset(self, request: Request) -> Response:
        await self._store.reset()
        return _json({"reset": True})

    async def clock(self, request: Request) -> Response:
        """`{"advance": seconds}` moves the clock of keys, rate limits and records."""
        body = json_body.parse(await request.body())
        seconds = body.get("advance") if isinstance(body, dict) else None
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_ADVANCE:
            raise APIError(
                "value_out_of_range", f"advance must be a number of seconds from 0 to {MAX_ADVANCE}.", param="advance"
            )
        await self._store.advance(float(seconds))
        return _json({"now": self._store.now()})

    async def faults(self, request: Request) -> Response:
        """`{"fault": TEXT, "method": M, "path": P}`: inject it into the next request of that method whose path begins
        with P, once unless the text has `times`. Method and path may be left out."""
        body = json_body.parse(await request.body())
        if not isinstance(body, dict) or not isinstance(body.get("fault"), str):
            raise APIError("missing_field", "fault is required.", param="fault")
        script = read_fault(body, self._codes)
        await self._add(orjson.dumps(script).decode())
        return _json({"fault": script["fault"]})

    async def answers(self, request: Request) -> Response:
        """POST: scripts answers, as `aurous_mock.scripting.scripts.check_script` describes. GET: the scripts that are
        not used up, each with how many answers it has given."""
        if request.method == "POST":
            try:
                script = check_script(json_body.parse(await request.body()))
            except ValueError as error:
                raise APIError("invalid_format", f"{error}.", param="answers") from error
            await self._add(script)
            return _json(orjson.loads(script))
        answers = [(number, text) for number, text in await self._store.scripts() if read_script(text) is not None]
        listed = [{"script": orjson.loads(text), "given": await self._store.script_count(n)} for n, text in answers]
        return _json({"answers": listed})

    async def _add(self, script: str) -> None:
        if len(await self._store.scripts()) >= MAX_SCRIPTS:
            message = f"There are {MAX_SCRIPTS} faults and answers already: POST /_mock/reset first."
            raise APIError("value_out_of_range", message)
        await self._store.add_script(script)


def read_fault(body: dict[str, Any], codes: Collection[str]) -> dict[str, str]:
    """The validated script of a request to /_mock/faults. Raises APIError if it is not one."""
    try:
        fault = faults.parse(body["fault"], codes)
    except ValueError as error:
        raise APIError("invalid_format", f"{error}.", param="fault") from error
    for name in ("method", "path"):
        if not isinstance(body.get(name) or "", str):
            raise APIError("invalid_format", f"{name} is text.", param=name)
    if fault.times is None:
        fault = replace(fault, text=f"{fault.text}; times=1")
    return {"fault": fault.text, "method": (body.get("method") or "").upper(), "path": body.get("path") or ""}


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")
