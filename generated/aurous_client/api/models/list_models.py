"""List chat and embedding models: GET /v1/models."""

from __future__ import annotations

from typing import Final

from ... import models as _models
from ...encoding import to_headers
from ...operations import AsyncCaller, Operation, Request, Response, SyncCaller
from ...types import UNSET, Unset

OPERATION: Final[Operation[_models.ModelList]] = Operation(
    id="listModels",
    method="GET",
    path="/v1/models",
    parse=_models.ModelList.from_dict,
)


def build_request(*, aurous_version: str | Unset = UNSET) -> Request:
    """The request, ready to be sent. Raises EncodeError for an argument that cannot be."""
    return Request(
        method="GET",
        path="/v1/models",
        headers=to_headers(
            {
                "Aurous-Version": aurous_version,
            }
        ),
    )


def sync_detailed(*, client: SyncCaller, aurous_version: str | Unset = UNSET) -> Response[_models.ModelList]:
    """List chat and embedding models, with the status, headers and bytes of the answer."""
    return client.call(OPERATION, build_request(aurous_version=aurous_version))


def sync(*, client: SyncCaller, aurous_version: str | Unset = UNSET) -> _models.ModelList:
    """List chat and embedding models."""
    return (client.call(OPERATION, build_request(aurous_version=aurous_version))).parsed


async def asyncio_detailed(*, client: AsyncCaller, aurous_version: str | Unset = UNSET) -> Response[_models.ModelList]:
    """List chat and embedding models, with the status, headers and bytes of the answer."""
    return await client.acall(OPERATION, build_request(aurous_version=aurous_version))


async def asyncio(*, client: AsyncCaller, aurous_version: str | Unset = UNSET) -> _models.ModelList:
    """List chat and embedding models."""
    return (await client.acall(OPERATION, build_request(aurous_version=aurous_version))).parsed
