"""Pages of a list, which go on to the pages after them: in threads, and in coroutines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar, cast

from .encoding import is_utf8
from .errors import ParseError
from .operations import AsyncCaller, Operation, Paging, Request, Response, SyncCaller
from .types import UNSET, JsonObject

ItemT = TypeVar("ItemT")
PageT = TypeVar("PageT", bound="Page[Any]")


class Page(JsonObject, Generic[ItemT]):
    """One page of a list, as the response has it. Iterating over it yields its items, then those of the pages after it.

    The next page is requested when it is reached, as the first one was: with the same parameters, headers and timeout.
    A list that was asked for in the other direction, as with `ending_before`, is one page: its cursor does not lead there.
    Use `for` with the page of a synchronous client, `async for` with that of an asynchronous one.

    Raises ParseError, or the client's error for an invalid response, if a page leads back to an earlier one, or says
    that there are more without saying where; TypeError for a page that is not the result of a call.
    """

    __slots__ = ("_source",)

    _source: PageSource

    def __iter__(self) -> Iterator[ItemT]:
        for page in self.iter_pages():
            yield from page._source.items(page)

    async def __aiter__(self) -> AsyncIterator[ItemT]:
        async for page in self.aiter_pages():
            for item in page._source.items(page):
                yield item

    def iter_pages(self) -> Iterator[Self]:
        """This page, then those after it. Raises as iterating over the page does."""
        page, cursors = self, set[str]()
        while True:
            source = page._source_for("for", SyncPageSource)
            yield page
            request = source.following(page, cursors)
            if request is None:
                return
            page = source.caller.call(source.operation, request).parsed

    async def aiter_pages(self) -> AsyncIterator[Self]:
        """As `iter_pages`, for asyncio."""
        page, cursors = self, set[str]()
        while True:
            source = page._source_for("async for", AsyncPageSource)
            yield page
            request = source.following(page, cursors)
            if request is None:
                return
            page = (await source.caller.acall(source.operation, request)).parsed

    def _source_for(self, statement: str, kind: type[SourceT]) -> SourceT:
        source = getattr(self, "_source", None)
        if source is None:
            raise TypeError(f"this {type(self).__name__} is not the result of a call, so no page follows it")
        if not isinstance(source, kind):
            raise TypeError(f"a page of this client is not for `{statement}`, but for `{source.statement}`")
        return source


@dataclass(frozen=True)
class PageSource:
    """Where a page is from, and how the next one is requested. Attached to a page by the client that received it."""

    operation: Operation[Any]
    request: Request

    statement = ""

    def attach(self, response: Response[Any]) -> None:
        """Make this the source of the page that is the result of a response."""
        response.parsed._source = self

    def items(self, page: Any) -> list[Any]:
        """The items of one page."""
        return cast(list[Any], getattr(page, self._paging.items))

    def following(self, page: Any, cursors: set[str]) -> Request | None:
        """The request of the page after this one; None after the last, and for a page in the other direction.

        cursors: of the pages so far, to which that of this page is added

        Raises ParseError for a page that leads back to an earlier one, or does not say where the next one is.
        """
        paging = self._paging
        if any(name == paging.backward for name, _ in self.request.query):
            return None
        cursors.update(value for name, value in self.request.query if name == paging.parameter)
        cursor = getattr(page, paging.cursor)
        has_more = UNSET if paging.has_more is None else getattr(page, paging.has_more)
        if has_more is False or (not cursor and has_more is not True):
            return None
        expected = None
        if not cursor:
            expected = "a cursor, since there are more pages"
        elif cursor in cursors:
            expected = "a cursor that no page before had"
        elif not is_utf8(cursor):
            expected = "a cursor without lone surrogates, which UTF-8 cannot carry"
        if expected is not None:
            raise ParseError(expected, None if cursor is UNSET else cursor, (paging.cursor,))
        others = [pair for pair in self.request.query if pair[0] != paging.parameter]
        return replace(self.request, query=(*others, (paging.parameter, cursor)))

    @property
    def _paging(self) -> Paging:
        return cast(Paging, self.operation.paging)


@dataclass(frozen=True)
class SyncPageSource(PageSource):
    """The source of a page that a synchronous client received."""

    caller: SyncCaller

    statement = "for"


@dataclass(frozen=True)
class AsyncPageSource(PageSource):
    """The source of a page that an asynchronous client received."""

    caller: AsyncCaller

    statement = "async for"


SourceT = TypeVar("SourceT", SyncPageSource, AsyncPageSource)


class AsyncPages(Generic[PageT, ItemT]):
    """A list, as an asynchronous client returns it: `await` gives its first page, `async for` the items of all pages.

    Nothing is sent before that. Raises as the page does.
    """

    def __init__(self, caller: AsyncCaller, operation: Operation[PageT], request: Request) -> None:
        self._caller = caller
        self._operation = operation
        self._request = request

    def __await__(self) -> Generator[Any, None, PageT]:
        return self._first().__await__()

    async def __aiter__(self) -> AsyncIterator[ItemT]:
        async for item in await self._first():
            yield item

    async def _first(self) -> PageT:
        return (await self._caller.acall(self._operation, self._request)).parsed


__all__ = ["AsyncPageSource", "AsyncPages", "Page", "PageSource", "SyncPageSource"]
