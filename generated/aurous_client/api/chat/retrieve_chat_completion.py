"""Retrieve a stored chat completion: GET /v1/chat/completions/{id}."""

from __future__ import annotations

from typing import Final

from ... import models as _models
from ...encoding import to_headers, to_segment
from ...operations import AsyncCaller, Operation, Request, Response, SyncCaller
from ...operations import Charge as _Charge
from ...types import UNSET, Unset

OPERATION: Final[Operation[_models.ChatCompletion]] = Operation(
    id="retrieveChatCompletion",
    method="GET",
    path="/v1/chat/completions/{id}",
    parse=_models.ChatCompletion.from_dict,
    charge=_Charge(amount=("usage", "credits_charged"), is_record=True),
)


def build_request(id: str, *, aurous_version: str | Unset = UNSET) -> Request:
    """The request, ready to be sent. Raises EncodeError for an argument that cannot be."""
    return Request(
        method="GET",
        path="/v1/chat/completions/" + to_segment("id", id),
        headers=to_headers(
            {
                "Aurous-Version": aurous_version,
            }
        ),
    )


def sync_detailed(
    id: str, *, client: SyncCaller, aurous_version: str | Unset = UNSET
) -> Response[_models.ChatCompletion]:
    """Retrieve a stored chat completion, with the status, headers and bytes of the answer."""
    return client.call(OPERATION, build_request(id, aurous_version=aurous_version))


def sync(id: str, *, client: SyncCaller, aurous_version: str | Unset = UNSET) -> _models.ChatCompletion:
    """Retrieve a stored chat completion."""
    return (client.call(OPERATION, build_request(id, aurous_version=aurous_version))).parsed


async def asyncio_detailed(
    id: str, *, client: AsyncCaller, aurous_version: str | Unset = UNSET
) -> Response[_models.ChatCompletion]:
    """Retrieve a stored chat completion, with the status, headers and bytes of the answer."""
    return await client.acall(OPERATION, build_request(id, aurous_version=aurous_version))


async def asyncio(id: str, *, client: AsyncCaller, aurous_version: str | Unset = UNSET) -> _models.ChatCompletion:
    """Retrieve a stored chat completion."""
    return (await client.acall(OPERATION, build_request(id, aurous_version=aurous_version))).parsed
