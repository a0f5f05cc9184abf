"""Faults of headers: missing from particular responses, or wrong on them."""

from __future__ import annotations

from collections.abc import Callable

from ..application import Application
from ..changes import FAULTS, Change
from ..messages import Call, Response

When = Callable[[Call, Response], bool]
# Where a header is missing, in words, and the probes that see such responses.
WHERE: dict[str, tuple[str, When, tuple[str, ...]]] = {
    "documents": (
        "on completions",
        lambda c, r: c.route == "create" and r.status == 200 and not c.streams,
        ("create_text",),
    ),
    "streams": ("on streams", lambda c, r: r.stream is not None, ("stream_text",)),
    "replays": ("on replays", lambda c, r: c.replayed, ("replay",)),
    "retrieved": (
        "on retrieved completions",
        lambda c, r: c.route == "retrieve" and r.status == 200,
        ("create_text", "stream_text"),
    ),
    "cancelled": (
        "on cancelled completions",
        lambda c, r: c.route == "cancel" and r.status == 200,
        ("stream_cancelled",),
    ),
    "balances": ("on balances", lambda c, r: c.route == "balance" and r.status == 200, ("balance",)),
    "models": ("on the list of models", lambda c, r: c.route == "models" and r.status == 200, ("models",)),
    "400": ("on 400", lambda c, r: r.status == 400, ("refused_temperature_range",)),
    "401": ("on 401", lambda c, r: r.status == 401, ("no_key",)),
    "404": ("on 404", lambda c, r: r.status == 404, ("retrieve_unknown",)),
    "405": ("on 405", lambda c, r: r.status == 405, ("wrong_method",)),
    "409": ("on 409", lambda c, r: r.status == 409, ("conflict",)),
    "409_of_cancel": (
        "on 409 of a cancel",
        lambda c, r: r.status == 409 and c.route == "cancel",
        ("cancel_completed",),
    ),
    "malformed_json": (
        "on the refusal of malformed JSON",
        lambda c, r: r.status == 400 and c.body is None,
        ("malformed_json",),
    ),
    "refused_streams": (
        "on the refusal of a stream",
        lambda c, r: r.status == 400 and c.streams,
        ("refused_top_p_range_streaming",),
    ),
}
HEADERS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "version": ("changelog", ("Aurous-Version",), "Aurous-Version is missing"),
    "request_id": ("errors", ("Aurous-Request-Id",), "Aurous-Request-Id is missing"),
    "rate_limit": (
        "rate-limits",
        ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
        "The X-RateLimit headers are missing",
    ),
}
# Whether rate limits are stated on refusals without a team, or of paths that do not exist, is not documented.
_RATE_LIMITED = ("documents", "streams", "replays", "retrieved", "cancelled", "balances", "models", "400", "404", "409")


def _without(names: tuple[str, ...], when: When) -> Callable[[Application], None]:
    def remove(call: Call, response: Response) -> None:
        if when(call, response):
            for name in names:
                response.headers.pop(name, None)

    return lambda application: application.seams.response.append(remove)


for _header, (_page, _names, _what) in HEADERS.items():
    for _place, (_words, _when, _probes) in WHERE.items():
        if _header != "rate_limit" or _place in _RATE_LIMITED:
            _change = Change(
                f"{_header}_missing_{_place}", f"{_what} {_words}.", _page, _probes, _without(_names, _when)
            )
            FAULTS.add(_change)

_TPM = ("X-RateLimit-TPM-Limit", "X-RateLimit-TPM-Remaining", "X-RateLimit-TPM-Reset")
for _place in ("documents", "streams", "replays"):
    _words, _when, _probes = WHERE[_place]
    _sentence = f"The X-RateLimit-TPM headers are missing {_words}."
    _page = "api-reference/errors/tpm_rate_limit_exceeded"
    FAULTS.add(Change(f"tpm_missing_{_place}", _sentence, _page, _probes, _without(_TPM, _when)))


def _setting(name: str, value: Callable[[str], str], when: When) -> Callable[[Call, Response], None]:
    def change(call: Call, response: Response) -> None:
        if name in response.headers and when(call, response):
            response.headers[name] = value(response.headers[name])

    return change


@FAULTS.plant("errors", "retrieve_unknown", "wrong_method")
def request_id_prefix_wrong_on_errors(application: Application) -> None:
    """Aurous-Request-Id does not begin with req_ on 404 and 405."""
    change = _setting(
        "Aurous-Request-Id", lambda value: value.removeprefix("req_"), lambda c, r: r.status in (404, 405)
    )
    application.seams.response.append(change)


@FAULTS.plant("changelog", "stream_text")
def version_not_a_date_on_streams(application: Application) -> None:
    """Aurous-Version on streams is not a date."""
    application.seams.response.append(_setting("Aurous-Version", lambda value: "v1", lambda c, r: r.stream is not None))


@FAULTS.plant("rate-limits", "balance")
def rate_limit_reset_in_words(application: Application) -> None:
    """X-RateLimit-Reset on balances is a date in words instead of a Unix second."""
    value = "Fri, 15 May 2026 12:00:00 GMT"
    application.seams.response.append(
        _setting("X-RateLimit-Reset", lambda _: value, lambda c, r: c.route == "balance" and r.status == 200)
    )


@FAULTS.plant("rate-limits", "create_text")
def rate_limit_remaining_negative(application: Application) -> None:
    """X-RateLimit-Remaining on completions is below zero."""
    when: When = lambda c, r: c.route == "create" and r.stream is None and r.status == 200  # noqa: E731
    application.seams.response.append(_setting("X-RateLimit-Remaining", lambda _: "-1", when))


@FAULTS.plant("api-reference/chat/streaming", "stream_text")
def streams_may_be_cached(application: Application) -> None:
    """Streams carry no Cache-Control."""
    application.seams.response.append(_remover("Cache-Control", lambda c, r: r.stream is not None))


@FAULTS.plant("api-reference/chat/streaming", "stream_keyed")
def keyed_streams_may_be_transformed(application: Application) -> None:
    """Streams with a key carry no Cache-Control."""
    application.seams.response.append(
        _remover("Cache-Control", lambda c, r: r.stream is not None and c.idempotency_key is not None)
    )


@FAULTS.plant("api-reference/chat/streaming", "stream_tools")
def stream_media_type_wrong(application: Application) -> None:
    """Streams of tool calls are called application/json."""
    when: When = lambda c, r: r.stream is not None and bool(c.body.get("tools"))  # noqa: E731
    application.seams.response.append(_setting("Content-Type", lambda _: "application/json", when))


@FAULTS.plant("guides/error-handling", "retrieve_unknown")
def not_found_media_type_wrong(application: Application) -> None:
    """Errors with the status 404 are called text/plain."""
    application.seams.response.append(_setting("Content-Type", lambda _: "text/plain", lambda c, r: r.status == 404))


@FAULTS.plant("idempotency", "conflict")
def retry_after_on_conflict(application: Application) -> None:
    """A 409 idempotency_key_in_use carries Retry-After."""

    def add(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "idempotency_key_in_use":
            response.headers["Retry-After"] = "1"

    application.seams.response.append(add)


@FAULTS.plant("rate-limits", "throttled")
def retry_after_missing(application: Application) -> None:
    """A 429 carries no Retry-After."""
    application.seams.response.append(_remover("Retry-After", lambda c, r: r.status == 429))


def _remover(name: str, when: When) -> Callable[[Call, Response], None]:
    def remove(call: Call, response: Response) -> None:
        if when(call, response):
            response.headers.pop(name, None)

    return remove
