"""Variations of headers and of how documents are framed."""

from __future__ import annotations

import gzip
import secrets

from ..application import Application
from ..changes import VARIATIONS
from ..messages import Call, Response


def _on_every_response(application: Application, headers: dict[str, str]) -> None:
    application.seams.response.append(lambda call, response: response.headers.update(headers))


@VARIATIONS.plant("errors", "create_text", "stream_text", "retrieve_unknown")
def header_names_in_lower_case(application: Application) -> None:
    """Header names are written in lower case."""

    def lower(call: Call, response: Response) -> None:
        response.headers = {name.lower(): value for name, value in response.headers.items()}

    application.seams.response.append(lower)


@VARIATIONS.plant("errors", "create_text", "stream_text", "balance")
def headers_of_a_proxy(application: Application) -> None:
    """Every response carries the headers of a proxy in front of the server."""
    _on_every_response(
        application,
        {
            "Server": "cloudflare",
            "CF-Ray": "8a1b2c3d4e5f-OSL",
            "Via": "1.1 proxy",
            "Set-Cookie": "__cf_bm=1; path=/; HttpOnly",
            "Strict-Transport-Security": "max-age=31536000",
            "Vary": "Accept-Encoding",
        },
    )


@VARIATIONS.plant("errors", "create_text", "retrieve_unknown")
def request_ids_of_24_characters(application: Application) -> None:
    """Request ids have 24 hexadecimal characters, as some samples do."""

    def rename(call: Call, response: Response) -> None:
        request_id = f"req_{secrets.token_hex(12)}"
        response.headers["Aurous-Request-Id"] = request_id
        if call.error is not None:
            response.document["error"]["request_id"] = request_id

    application.seams.response.append(rename)


@VARIATIONS.plant("rate-limits", "no_key", "wrong_key")
def no_rate_limits_on_401(application: Application) -> None:
    """Responses with the status 401 state no rate limits."""

    def remove(call: Call, response: Response) -> None:
        if response.status == 401:
            for name in [name for name in response.headers if name.startswith("X-RateLimit")]:
                del response.headers[name]

    application.seams.response.append(remove)


@VARIATIONS.plant("errors", "no_key", "wrong_key")
def www_authenticate(application: Application) -> None:
    """Responses with the status 401 carry WWW-Authenticate."""

    def add(call: Call, response: Response) -> None:
        if response.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="api"'

    application.seams.response.append(add)


@VARIATIONS.plant("rate-limits", "create_text", "models")
def connections_close(application: Application) -> None:
    """Every connection closes after one response."""

    def close(call: Call, response: Response) -> None:
        response.close = True

    application.seams.response.append(close)


@VARIATIONS.plant("api-reference/chat/streaming", "create_text", "balance", "retrieve_unknown")
def documents_in_chunks(application: Application) -> None:
    """Documents come in a chunked body without Content-Length."""

    def chunk(call: Call, response: Response) -> None:
        response.chunked = response.stream is None

    application.seams.response.append(chunk)


@VARIATIONS.plant("api-reference/chat/create-a-chat-completion", "create_text", "balance", "retrieve_unknown")
def documents_compressed(application: Application) -> None:
    """Documents are compressed for clients that accept it."""

    def compress(call: Call, response: Response) -> None:
        if response.stream is None and "gzip" in (call.request.headers.get("Accept-Encoding") or ""):
            response.body = gzip.compress(response.encode())
            response.headers["Content-Encoding"] = "gzip"

    application.seams.response.append(compress)


@VARIATIONS.plant("guides/error-handling", "create_text", "retrieve_unknown", "balance")
def charset_named(application: Application) -> None:
    """The media type of documents names its charset."""

    def name(call: Call, response: Response) -> None:
        response.headers["Content-Type"] += "; charset=utf-8"

    application.seams.response.append(name)


@VARIATIONS.plant("api-reference/chat/create-a-chat-completion", "keyed_once", "replay")
def idempotency_status_on_documents(application: Application) -> None:
    """Documents of requests with a key carry Aurous-Idempotency-Status accepted."""

    def add(call: Call, response: Response) -> None:
        if call.route == "create" and call.idempotency_key is not None and response.stream is None:
            response.headers["Aurous-Idempotency-Status"] = "accepted"

    application.seams.response.append(add)


@VARIATIONS.plant("api-reference/chat/streaming", "stream_text", "stream_tools")
def no_idempotency_status_without_key(application: Application) -> None:
    """Streams without a key carry no Aurous-Idempotency-Status."""

    def remove(call: Call, response: Response) -> None:
        if call.idempotency_key is None:
            response.headers.pop("Aurous-Idempotency-Status", None)

    application.seams.response.append(remove)


@VARIATIONS.plant("api-reference/chat/idempotency", "replay")
def replays_carry_the_first_request_id(application: Application) -> None:
    """A replay carries the Aurous-Request-Id of the first request."""
    first: dict[str, str] = {}

    def rename(call: Call, response: Response) -> None:
        if call.route == "create" and response.status == 200 and response.stream is None:
            completion_id = response.document["id"]
            response.headers["Aurous-Request-Id"] = first.setdefault(completion_id, call.request_id)

    application.seams.response.append(rename)


@VARIATIONS.plant("api-reference/chat/streaming", "stream_text")
def streams_with_charset_and_no_buffering(application: Application) -> None:
    """Streams name their charset, and ask proxies not to buffer them."""

    def name(call: Call, response: Response) -> None:
        if response.stream is not None:
            response.headers["Content-Type"] = "text/event-stream; charset=utf-8"
            response.headers["X-Accel-Buffering"] = "no"
            response.headers["Cache-Control"] = "no-transform, no-cache"

    application.seams.response.append(name)


@VARIATIONS.plant("rate-limits", "balance", "models")
def standard_rate_limit_headers_too(application: Application) -> None:
    """GETs state rate limits under the names without X- as well, as one page prints them."""

    def add(call: Call, response: Response) -> None:
        if call.request.method == "GET":
            for name in ("Limit", "Remaining", "Reset"):
                response.headers[f"RateLimit-{name}"] = response.headers[f"X-RateLimit-{name}"]

    application.seams.response.append(add)


@VARIATIONS.plant("RFC 9110", "stream_bytes")
def cache_control_on_two_lines(application: Application) -> None:
    """A header that is a list is sent as several lines."""

    def split(call: Call, response: Response) -> None:
        if "Cache-Control" in response.headers:
            response.headers["Cache-Control"] = "no-cache"
            # Header names are looked up without regard to case, so that this is one more line of the same header.
            response.headers["cache-control"] = "no-transform"

    application.seams.response.append(split)
