"""Reads the body of a request: bounded in size, decoded by its media type, and checked against the spec."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from aurous_mock.contract import json_body
from aurous_mock.contract.document import Schema
from aurous_mock.contract.operations import JSON, Operation
from aurous_mock.contract.parameters import MAX_FIELDS, convert, read_fields
from aurous_mock.contract.validation import check
from aurous_mock.errors import APIError
from aurous_mock.http import offload

MAX_BODY: Final = 10 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"


async def read_body(request: Request, operation: Operation, headers: Mapping[str, str]) -> tuple[Any, int]:
    """The checked body of a request, and its size in bytes. (None, 0) where the operation takes none or none was sent.

    An object or array for JSON and forms, and else a string, in which each character of a binary body is one byte.
    """
    if operation.body is None:
        return None, 0
    content_type = headers.get("content-type", "")
    if not content_type and not operation.body.required and not await _has_body(request, headers):
        return None, 0
    media_type = content_type.partition(";")[0].strip().lower()
    schema = _schema_for(media_type, operation.body.content)
    raw = await _read(request, headers)
    if media_type == _MULTIPART:
        value = await _read_multipart(raw, content_type, schema)
        check(schema, value)
        return value, len(raw)
    return await offload.run(len(raw), _decode, raw, media_type, schema), len(raw)


def _decode(raw: bytes, media_type: str, schema: Schema) -> Any:
    if media_type == JSON or media_type.endswith("+json"):
        value = json_body.parse(raw)
    elif media_type == _FORM:
        fields = read_fields(_text(raw))
        members = schema.document.member_schemas(schema.node)
        value = {name: convert(schema.document, texts, members.get(name, {})) for name, texts in fields.items()}
    elif media_type.startswith("text/"):
        value = _text(raw)
    else:
        value = raw.decode("latin-1")
    check(schema, value)
    return value


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise APIError("invalid_format", "The request body is not valid UTF-8.") from error


def _schema_for(media_type: str, content: Mapping[str, Schema]) -> Schema:
    for accepted in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if media_type and accepted in content:
            return content[accepted]
    known = " or ".join(content)
    raise APIError("invalid_format", f"The Content-Type must be {known}.", param="Content-Type")


async def _has_body(request: Request, headers: Mapping[str, str]) -> bool:
    if headers.get("content-length", "0") != "0":
        return True
    return "transfer-encoding" in headers and bool(await _read(request, headers))


async def _read(request: Request, headers: Mapping[str, str]) -> bytes:
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _too_large()
    return bytes(body)


async def _read_multipart(raw: bytes, content_type: str, schema: Schema) -> dict[str, Any]:
    async def blocks() -> AsyncGenerator[bytes, None]:
        yield raw

    parser = MultiPartParser(
        Headers({"Content-Type": content_type}),
        blocks(),
        max_files=MAX_FIELDS,
        max_fields=MAX_FIELDS,
        max_part_size=MAX_BODY,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError) as error:
        raise APIError("invalid_format", "The request body is not valid multipart/form-data.") from error
    members = schema.document.member_schemas(schema.node)
    parts: dict[str, list[str]] = {}
    try:
        for name, part in form.multi_items():
            text = (await part.read()).decode("latin-1") if isinstance(part, UploadFile) else part
            parts.setdefault(name, []).append(text)
    finally:
        await form.close()
    return {name: convert(schema.document, texts, members.get(name, {})) for name, texts in parts.items()}


def _too_large() -> APIError:
    return APIError("request_too_large", f"The request body is larger than {MAX_BODY} bytes.")
