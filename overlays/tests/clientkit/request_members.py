"""Members of chat requests by the names of the version that the client speaks, for tests about other things."""

from __future__ import annotations

from functools import cache
from typing import Any

from aurous_mock.contract import spec
from aurous_mock.contract.renames import Names, translate


def named(**members: Any) -> dict[str, Any]:
    """The members by the names that the client has for them: those of `x-renamed-from` in the spec become new ones."""
    renamed: dict[str, Any] = translate(members, _names())
    return renamed


@cache
def _names() -> Names:
    match = spec.load().current.match("POST", "/v1/chat/completions")
    assert match is not None
    return match[0].request_names
