"""Retrieve the credit balance: GET /v1/balance."""

from __future__ import annotations

from typing import Final

from ... import models as _models
from ...encoding import to_headers
from ...operations import AsyncCaller, Operation, Request, Response, SyncCaller
from ...types import UNSET, Unset

OPERATION: Final[Operation[_models.Balance]] = Operation(
    id="retrieveBalance",
    method="GET",
    path="/v1/balance",
    parse=_models.Balance.from_dict,
)


def build_request(*, aurous_version: str | Unset = UNSET) -> Request:
    """The request, ready to be sent. Raises EncodeError for an argument that cannot be."""
    return Request(
        method="GET",
        path="/v1/balance",
        headers=to_headers(
            {
                "Aurous-Version": aurous_version,
            }
        ),
    )


def sync_detailed(*, client: SyncCaller, aurous_version: str | Unset = UNSET) -> Response[_models.Balance]:
    """Retrieve the credit balance, with the status, headers and bytes of the answer."""
    return client.call(OPERATION, build_request(aurous_version=aurous_version))


def sync(*, client: SyncCaller, aurous_version: str | Unset = UNSET) -> _models.Balance:
    """Retrieve the credit balance."""
    return (client.call(OPERATION, build_request(aurous_version=aurous_version))).parsed


async def asyncio_detailed(*, client: AsyncCaller, aurous_version: str | Unset = UNSET) -> Response[_models.Balance]:
    """Retrieve the credit balance, with the status, headers and bytes of the answer."""
    return await client.acall(OPERATION, build_request(aurous_version=aurous_version))


async def asyncio(*, client: AsyncCaller, aurous_version: str | Unset = UNSET) -> _models.Balance:
    """Retrieve the credit balance."""
    return (await client.acall(OPERATION, build_request(aurous_version=aurous_version))).parsed
