"""Reads the lists that test_paged_lists.py adds to the spec, with all clients, from a server of pages.

Runs, and is type-checked, beside the package generated from that spec; the committed package has no such methods.
"""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any, Literal, assert_type
from urllib.parse import parse_qsl, urlsplit

import aurous
import aurous_client
from aurous import AsyncAurous, Aurous
from aurous_client import AuthenticatedClient
from aurous_client.api.imaginary import list_imaginary_names, list_imaginary_stars
from aurous_client.errors import ParseError
from aurous_client.models import ImaginaryStar, ImaginaryStarList, ListImaginaryNamesResponse

assert "generated" not in str(aurous_client.__file__)
requests: list[tuple[str, list[tuple[str, str]], dict[str, str]]] = []
"""Path, query and headers of each."""
failing: set[str] = set()
"""The cursors whose page is answered with a 503 next time."""


def stars(*ids: str, cursor: str | None, has_more: bool) -> dict[str, Any]:
    return {"data": [{"id": each} for each in ids], "has_more": has_more, "next_cursor": cursor}


# By path and cursor.
PAGES: dict[tuple[str, str], dict[str, Any]] = {
    ("/v1/imaginary_stars", ""): stars("a", "b", cursor="b", has_more=True),
    ("/v1/imaginary_stars", "b"): stars(cursor="c&d=1", has_more=True),
    ("/v1/imaginary_stars", "c&d=1"): stars("e", cursor="e", has_more=False),
    ("/v1/imaginary_stars", "loop"): stars("l", cursor="loop", has_more=True),
    ("/v1/imaginary_stars", "lost"): stars("m", cursor=None, has_more=True),
    ("/v1/imaginary_stars", "half"): stars("h", cursor="\ud800", has_more=True),
    ("/v1/imaginary_stars", "gap"): stars("n", cursor="none", has_more=True),
    ("/v1/imaginary_stars/s/moons", ""): stars("a", cursor="1", has_more=True),
    ("/v1/imaginary_stars/s/moons", "1"): stars("b", cursor="2", has_more=True),
    ("/v1/imaginary_stars/s/moons", "2"): stars("c", cursor="1", has_more=True),
    ("/v1/imaginary_names", ""): {"list": ["x", "y"], "next": "2", "iter_pages": 2},
    ("/v1/imaginary_names", "2"): {"list": ["z"]},
}
CURSORS = {"starting_after", "cursor", "page_token"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qsl(url.query)
        requests.append((url.path, query, {name.lower(): value for name, value in self.headers.items()}))
        cursor = next((value for name, value in query if name in CURSORS), "")
        page = PAGES.get((url.path, cursor))
        status = 404 if page is None else 200
        if cursor in failing:
            failing.remove(cursor)
            status = 503
        body = json.dumps(page if status == 200 else {}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Aurous-Request-Id", f"req_{len(requests)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def queries() -> list[list[tuple[str, str]]]:
    """The queries since the last call of this."""
    seen = [query for _, query, _ in requests]
    requests.clear()
    return seen


def fails(kind: type[Exception], call: Callable[[], object]) -> str:
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was not raised")


def synchronous(client: Aurous) -> None:
    page = client.imaginary_stars.list(limit=2, extra_headers={"X-Sky": "dark"}, timeout=7)
    assert_type(page, ImaginaryStarList)
    listed: aurous.Page[ImaginaryStar] = page
    assert (len(requests), page.has_more, page.next_cursor, [star.id for star in page.data]) == (
        1,
        True,
        "b",
        ["a", "b"],
    )
    assert aurous.response_info(page).request_id == "req_1"
    failing.add("b")
    for star in listed:
        assert_type(star, ImaginaryStar)
    assert [headers["x-sky"] for _, _, headers in requests] == ["dark"] * 4
    limit = ("limit", "2")
    second = [limit, ("starting_after", "b")]
    assert queries() == [[limit], second, second, [limit, ("starting_after", "c&d=1")]]
    assert [star.id for star in page] == ["a", "b", "e"]
    # Nothing is requested before it is needed.
    queries()
    assert [star.id for star in islice(client.imaginary_stars.list(), 2)] == ["a", "b"]
    assert len(queries()) == 1
    pages = list(page.iter_pages())
    assert_type(pages, list[ImaginaryStarList])
    assert ([len(each.data) for each in pages], pages[0] is page) == ([2, 0, 1], True)
    assert aurous.response_info(pages[-1]).status_code == 200
    # A page in the middle goes on from there.
    assert [star.id for star in pages[1]] == ["e"]
    names = client.imaginary_names.list(group_by=["a", "b"], x_sky="clear")
    queries()
    assert (list(names), names.iter_pages_) == (["x", "y", "z"], 2)
    assert_type(next(iter(names)), str)
    assert requests[0][2]["x-sky"] == "clear"
    assert queries()[0] == [("group_by", "a"), ("group_by", "b"), ("page_token", "2")]


def backward(client: Aurous) -> None:
    """The cursor of a page leads forward, so a list in the other direction is one page, whatever that says."""
    queries()
    assert [star.id for star in client.imaginary_stars.list(ending_before="c", limit=2)] == ["a", "b"]
    assert [sorted(query) for query in queries()] == [[("ending_before", "c"), ("limit", "2")]]


def broken(client: Aurous) -> None:
    def read(cursor: str) -> list[str]:
        return [star.id for star in client.imaginary_stars.list(starting_after=cursor)]

    invalid = aurous.APIResponseValidationError
    assert "next_cursor: expected a cursor that no page before had, found" in fails(invalid, lambda: read("loop"))
    assert "next_cursor: expected a cursor, since there are more pages" in fails(invalid, lambda: read("lost"))
    assert "next_cursor: expected a cursor without lone surrogates" in fails(invalid, lambda: read("half"))
    fails(aurous.NotFoundError, lambda: read("gap"))
    moons: list[str] = []
    message = fails(invalid, lambda: moons.extend(moon.id for moon in client.imaginary_stars.moons.list("s")))
    assert (moons, "req_" in message) == (["a", "b", "c"], True)


def sourceless(client: Aurous) -> None:
    """Pages that are not the result of a call have only their own items."""
    page = client.imaginary_stars.list()
    read: aurous_client.models.ImaginaryStarList = pickle.loads(pickle.dumps(page))  # noqa: S301
    made = ListImaginaryNamesResponse(list_=["a"])
    unsent: tuple[aurous.Page[Any], ...] = (read, copy.copy(page), copy.deepcopy(page), made)
    for each in unsent:
        assert "is not the result of a call" in fails(TypeError, each.__iter__().__next__)
    assert (read.data, read) == (page.data, page)

    async def mixed() -> None:
        async for _ in page:
            raise AssertionError

    assert fails(TypeError, lambda: asyncio.run(mixed())).endswith("is not for `async for`, but for `for`")


async def asynchronous(base_url: str, backend: Literal["httpx", "aiohttp"]) -> None:
    async with AsyncAurous("key", base_url=base_url, backend=backend) as client:
        page = await client.imaginary_stars.list(limit=2)
        assert_type(page, ImaginaryStarList)
        assert [star.id async for star in page] == ["a", "b", "e"]
        assert [len(each.data) async for each in page.aiter_pages()] == [2, 0, 1]
        queries()
        listed = client.imaginary_stars.list(limit=1)
        assert not requests
        failing.add("b")
        async for star in listed:
            assert_type(star, ImaginaryStar)
        assert (len(requests), {query[0] for query in queries()}) == (4, {("limit", "1")})
        first, second = await asyncio.gather(listed, client.imaginary_names.list())
        assert (first.has_more, second.list_) == (True, ["x", "y"])
        try:
            async for _ in client.imaginary_stars.list(starting_after="loop"):
                pass
            raise AssertionError("a repeated cursor was followed")
        except aurous.APIResponseValidationError:
            pass
        assert fails(TypeError, lambda: list(page)).endswith("is not for `for`, but for `async for`")


async def generated(client: AuthenticatedClient) -> None:
    """The same without `aurous`."""
    assert list(list_imaginary_names.sync(client=client)) == ["x", "y", "z"]
    assert [name async for name in await list_imaginary_names.asyncio(client=client)] == ["x", "y", "z"]
    page = list_imaginary_stars.sync_detailed(client=client, starting_after="loop").parsed
    fails(ParseError, lambda: list(page))


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base_url = f"http://127.0.0.1:{server.server_port}"
    with Aurous("key", base_url=base_url, retry=aurous.RetryPolicy(initial_delay=0.01)) as client:
        synchronous(client)
        backward(client)
        broken(client)
        sourceless(client)
    asyncio.run(asynchronous(base_url, "httpx"))
    asyncio.run(asynchronous(base_url, "aiohttp"))
    with AuthenticatedClient(base_url=base_url, token="key") as plain:  # noqa: S106
        asyncio.run(generated(plain))
    server.shutdown()
    server.server_close()
    print("all is well")


if __name__ == "__main__":
    main()
