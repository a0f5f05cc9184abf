"""`client.request(...)`: calls of operations that this version has no method for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
    is_typeddict,
    overload,
)

from aurous_client.encoding import to_headers, to_json, to_query
from aurous_client.errors import EncodeError, ParseError
from aurous_client.types import JsonObject

if TYPE_CHECKING:
    from aurous_client.operations import Operation, Request, Response, ResultT

T = TypeVar("T")
PlainT = TypeVar("PlainT", bound=JsonObject | list[Any] | str | bytes)
Headers: TypeAlias = Mapping[str, str] | None
Query: TypeAlias = Mapping[str, Any] | None

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# What `json` makes of a document.
_JSON_TYPES: Final = (dict, list, int, float, bool)
_METHODS: Final = _SAFE | {"POST", "PUT", "PATCH", "DELETE"}


class _SyncClient(Protocol):
    def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]: ...


class _AsyncClient(Protocol):
    async def _send(self, operation: Operation[ResultT], request: Request) -> Response[ResultT]: ...


class RequestMethod:
    """The method `request` of the client."""

    @overload
    def request(
        self: _SyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: type[dict[str, Any]] = ...,
    ) -> dict[str, Any]: ...
    @overload
    def request(
        self: _SyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: type[PlainT],
    ) -> PlainT: ...
    @overload
    def request(
        self: _SyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: None,
    ) -> None: ...
    @overload
    def request(
        self: _SyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: Callable[[Any], T],
    ) -> T: ...
    def request(
        self: _SyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: Any = dict,
    ) -> Any:
        """Call an operation that has no method, with the retries, keys and errors of all calls.

        method: such as `GET`; all but GET, HEAD and OPTIONS are sent an idempotency key
        path:   relative to the base URL, such as `/v1/models`, without a query
        body:   whatever JSON has, and objects of `aurous.models`
        parse:  what to make of the body: `dict` or `list` of its JSON, `str` or `bytes` as it is, an object of a class
                of `aurous.models`, None without a body, or what a function or any other class makes of its JSON

        `aurous.response_info` has the metadata of the result, unless a function made it. Raises the errors of
        `aurous.errors`, and EncodeError for invalid arguments.
        """
        return self._send(*_build(method, path, body, query, headers, parse)).parsed


class AsyncRequestMethod:
    """As `RequestMethod`, for coroutines."""

    @overload
    async def request(
        self: _AsyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: type[dict[str, Any]] = ...,
    ) -> dict[str, Any]: ...
    @overload
    async def request(
        self: _AsyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: type[PlainT],
    ) -> PlainT: ...
    @overload
    async def request(
        self: _AsyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: None,
    ) -> None: ...
    @overload
    async def request(
        self: _AsyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: Callable[[Any], T],
    ) -> T: ...
    async def request(
        self: _AsyncClient,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Query = None,
        headers: Headers = None,
        parse: Any = dict,
    ) -> Any:
        """As that of `Aurous`."""
        return (await self._send(*_build(method, path, body, query, headers, parse))).parsed


def _build(
    method: str, path: str, body: Any, query: Query, headers: Headers, parse: Any
) -> tuple[Operation[Any], Request]:
    from aurous_client.operations import Operation, Request

    if method not in _METHODS:
        raise EncodeError(f"method: {method!r} is not one of {', '.join(sorted(_METHODS))}")
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or set(path) & set(" ?#\\"):
        raise EncodeError(
            f"path: {path!r} must begin with a slash, be percent-encoded, and have no query; use query= for that"
        )
    operation = Operation(
        id=f"{method} {path}",
        method=method,
        path=path,
        parse=_parser(parse),
        format={str: "text", bytes: "bytes", None: "none"}.get(parse, "json"),  # type: ignore[arg-type]
        accept="*/*" if parse in (str, bytes, None) else "application/json",
        idempotency_header=None if method in _SAFE else "Idempotency-Key",
    )
    content = None if body is None else to_json(body)
    own = {} if content is None else {"Content-Type": "application/json"}
    request = Request(
        method=method, path=path, query=to_query(query or {}), headers=to_headers(own, headers), content=content
    )
    return operation, request


def _parser(parse: Any) -> Callable[[Any], Any]:
    if parse in (str, bytes, None):
        return lambda value: value
    # The classes that are meant by a TypedDict and by dict[str, Any].
    kind: Any = dict if is_typeddict(parse) else get_origin(parse) or parse
    if not callable(kind) or any(map(_is_model, get_args(parse))):
        raise EncodeError(f"parse: {parse!r} makes no result of the JSON; give a function that does")
    if _is_model(kind):
        from_dict: Callable[[Any], Any] = cast(Any, kind).from_dict
        return from_dict
    if kind is Any or not isinstance(kind, type) or not any(issubclass(each, kind) for each in _JSON_TYPES):
        return _with_parse_errors((lambda value: value) if kind is Any else kind)

    def parser(value: Any) -> Any:
        if not isinstance(value, kind):
            raise ParseError("an object" if kind is dict else f"a {kind.__name__}", value)
        return value

    return parser


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, JsonObject)


def _with_parse_errors(function: Callable[[Any], T]) -> Callable[[Any], T]:
    """The function; what it raises for an invalid body becomes a ParseError."""

    def parser(value: Any) -> T:
        try:
            return function(value)
        except ParseError:
            raise
        except Exception as error:
            raise ParseError(f"what `parse` accepts ({type(error).__name__}: {error})", value) from error

    return parser
