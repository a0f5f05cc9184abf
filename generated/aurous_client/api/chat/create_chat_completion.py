"""Create a chat completion: POST /v1/chat/completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ... import models as _models
from ...encoding import to_headers, to_json
from ...operations import AsyncCaller, EventFormat, Operation, Request, Response, SyncCaller
from ...operations import Charge as _Charge
from ...types import UNSET, Unset

EVENTS: Final[EventFormat[_models.ChatCompletionChunk]] = EventFormat(
    parse=_models.ChatCompletionChunk.from_dict,
    terminator="[DONE]",
)

OPERATION: Final[Operation[_models.ChatCompletion]] = Operation(
    id="createChatCompletion",
    method="POST",
    path="/v1/chat/completions",
    parse=_models.ChatCompletion.from_dict,
    events=EVENTS,
    idempotency_header="Idempotency-Key",
    charge=_Charge(amount=("usage", "credits_charged")),
)


def build_request(
    *,
    body: _models.ChatCompletionRequest | Mapping[str, Any],
    idempotency_key: str | Unset = UNSET,
    aurous_version: str | Unset = UNSET,
) -> Request:
    """The request, ready to be sent. Raises EncodeError for an argument that cannot be."""
    return Request(
        method="POST",
        path="/v1/chat/completions",
        headers=to_headers(
            {
                "Idempotency-Key": idempotency_key,
                "Aurous-Version": aurous_version,
                "Content-Type": "application/json",
            }
        ),
        content=to_json(body),
    )


def sync_detailed(
    *,
    client: SyncCaller,
    body: _models.ChatCompletionRequest | Mapping[str, Any],
    idempotency_key: str | Unset = UNSET,
    aurous_version: str | Unset = UNSET,
) -> Response[_models.ChatCompletion]:
    """Create a chat completion, with the status, headers and bytes of the answer."""
    return client.call(
        OPERATION, build_request(body=body, idempotency_key=idempotency_key, aurous_version=aurous_version)
    )


def sync(
    *,
    client: SyncCaller,
    body: _models.ChatCompletionRequest | Mapping[str, Any],
    idempotency_key: str | Unset = UNSET,
    aurous_version: str | Unset = UNSET,
) -> _models.ChatCompletion:
    """Create a chat completion."""
    return (
        client.call(OPERATION, build_request(body=body, idempotency_key=idempotency_key, aurous_version=aurous_version))
    ).parsed


async def asyncio_detailed(
    *,
    client: AsyncCaller,
    body: _models.ChatCompletionRequest | Mapping[str, Any],
    idempotency_key: str | Unset = UNSET,
    aurous_version: str | Unset = UNSET,
) -> Response[_models.ChatCompletion]:
    """Create a chat completion, with the status, headers and bytes of the answer."""
    return await client.acall(
        OPERATION, build_request(body=body, idempotency_key=idempotency_key, aurous_version=aurous_version)
    )


async def asyncio(
    *,
    client: AsyncCaller,
    body: _models.ChatCompletionRequest | Mapping[str, Any],
    idempotency_key: str | Unset = UNSET,
    aurous_version: str | Unset = UNSET,
) -> _models.ChatCompletion:
    """Create a chat completion."""
    return (
        await client.acall(
            OPERATION, build_request(body=body, idempotency_key=idempotency_key, aurous_version=aurous_version)
        )
    ).parsed
