"""The next page of a list, as `aurous_client.paging` finds it, with this package's errors where it leads nowhere."""

from __future__ import annotations

from typing import Any, cast

from aurous_client import paging
from aurous_client.errors import ParseError
from aurous_client.operations import Request
from aurous_client.paging import AsyncPages as AsyncPages
from aurous_client.paging import Page as Page

from ..errors import APIResponseValidationError
from ..types import ResponseContext, context_of


class PageSource(paging.PageSource):
    """The source of the pages of either client."""

    def following(self, page: Any, cursors: set[str]) -> Request | None:
        """As the generated method, but raises APIResponseValidationError."""
        try:
            return super().following(page, cursors)
        except ParseError as fault:
            raise _invalid_page(page, fault) from None


class SyncPageSource(PageSource, paging.SyncPageSource):
    """The source of a page that `Aurous` received."""


class AsyncPageSource(PageSource, paging.AsyncPageSource):
    """The source of a page that `AsyncAurous` received."""


def _invalid_page(page: Any, fault: ParseError) -> APIResponseValidationError:
    # Every page with a source is the result of a call.
    context = cast(ResponseContext, context_of(page))
    info = context.info
    return APIResponseValidationError(
        str(fault),
        path=fault.path,
        status_code=info.status_code,
        headers=info.headers,
        content=context.content,
        attempts=info.attempts,
    )
