"""Gives requests the names of the version under test: the code of the suite has canonical ones for every version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
from aurous_mock.contract.renames import Names, translate

from harness import contract


def with_names_of_version(request: httpx.Request, base_path: str = "") -> httpx.Request:
    """The request with the version's names in its JSON; the request itself if it has no other.

    base_path: what stands before the paths of the contract
    """
    names = contract.names(request.method, urlsplit(str(request.url)).path.removeprefix(base_path)).request
    content = rename(request.content, names) if names else request.content
    if content == request.content:
        return request
    headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"content-length"]
    return httpx.Request(
        request.method, request.url, headers=headers, content=content, extensions=dict(request.extensions)
    )


def rename(content: bytes, names: Names) -> bytes:
    """JSON in these names, and otherwise as it is written, if that is possible; anything but JSON is left alone."""
    try:
        value = json.loads(content)
        renamed = translate(value, names)
    except (ValueError, RecursionError):
        return content
    if renamed == value:
        return content
    text = content
    for name, new in set(_renamed_members(names)):
        text = _replace(text, name, new, rb"(?=\s*:)")
    for value, new in set(_renamed_values(names)):
        text = _replace(text, value, new, rb"(?!\s*:)")
    # A name that also stands elsewhere in the body has to keep it there.
    is_same = json.loads(text) == renamed
    return text if is_same else json.dumps(renamed, ensure_ascii=False).encode("utf-8", errors="surrogatepass")


def _replace(text: bytes, name: str, new: str, before: bytes) -> bytes:
    return re.sub(b'"%s"%s' % (re.escape(name.encode()), before), lambda _: json.dumps(new).encode(), text)


def _renamed_members(names: Names) -> Iterator[tuple[str, str]]:
    for name, (new, inner) in names.members.items():
        if new != name:
            yield name, new
        yield from _renamed_members(inner)


def _renamed_values(names: Names) -> Iterator[tuple[str, str]]:
    yield from names.values.items()
    for _, inner in names.members.values():
        yield from _renamed_values(inner)
