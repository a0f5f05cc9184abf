"""The language of injected faults, as parsed values.

A fault is written as directives separated by semicolons, `name=value` or a bare name, in the request header
`Aurous-Mock-Fault` or in POST /_mock/faults:

    code=NAME            answer with this documented error code, at its documented status; with status=N, any code
    status=N             answer with this status (and a code that fits it, unless one is given)
    retry-after=S|none   add Retry-After to that error; a 429 has one of 1 second unless this is `none`
    html                 answer with an HTML page instead of JSON (status 502 unless given)
    when=before|after    give the error instead of the work (default) or after the work was done and charged
    latency=S            wait first
    pace=N               tokens per second of this answer
    keep-alive=S         seconds of silence before a keep-alive comment in this stream
    reset=PLACE          reset the connection (RST)
    truncate=PLACE       close the connection (FIN) without the rest
    stall=PLACE          send nothing more, and keep the connection open
    malformed[=N]        break the JSON of the body, or of frame N of a stream
    end=N                end a stream properly after N frames, without finish_reason or [DONE]
    done=N               send [DONE] after N frames, without finish_reason
    error-frame=N        fail after N frames: error frame (see code=), [DONE], record `failed`
    unnoticed            after a cut, finish the work as if the client had received all of it
    skip=N, times=N      let N matching requests pass, then apply to N requests (1 or more), then stop
    id=NAME              count under this name (default: the fault's text and the request's idempotency key)

PLACE is `before` (nothing done), `after` (all done and charged, no byte sent), `head` (within the header), `body`
(within the body) or a number: bytes of a JSON body, frames of a stream.
"""

import difflib
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aurous_mock.errors import APIError

HEADER = "aurous-mock-fault"
PLACES = frozenset({"before", "after", "head", "body"})
CUTS = frozenset({"reset", "truncate", "stall", "malformed", "end", "done"})


@dataclass(frozen=True, slots=True)
class Cut:
    """How a response is cut, and where."""

    how: str
    place: str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault to inject."""

    text: str = ""
    code: str | None = None
    status: int | None = None
    retry_after: str | None = None
    html: bool = False
    when: str = "before"
    latency: float = 0.0
    pace: float | None = None
    keep_alive: float | None = None
    cut: Cut | None = None
    error_frame: int | None = None
    unnoticed: bool = False
    skip: int = 0
    times: int | None = None
    id: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether a whole answer is replaced by an error."""
        return self.error_frame is None and (self.html or self.code is not None or self.status is not None)

    @property
    def is_counted(self) -> bool:
        return self.times is not None or self.skip > 0

    def applies(self, earlier: int) -> bool:
        """Whether the fault applies to the request after `earlier` matching ones."""
        return earlier >= self.skip and (self.times is None or earlier < self.skip + self.times)

    def is_spent(self, matched: int) -> bool:
        """Whether the fault applies to no request after `matched` matching ones."""
        return self.times is not None and matched >= self.skip + self.times


NO_FAULT = Fault()

# The fields that change a response; the others qualify these, or choose the requests.
_EFFECTS = frozenset({"code", "status", "html", "latency", "pace", "keep_alive", "cut", "error_frame", "unnoticed"})

_RATE_LIMITS = frozenset({"too_many_requests", "tpm_rate_limit_exceeded", "concurrency_limit_exceeded"})
_DEFAULT_CODES = {
    400: "invalid_format",
    401: "invalid_api_key",
    402: "balance_too_low",
    403: "missing_scope",
    404: "resource_not_found",
    409: "idempotency_key_in_use",
    429: "too_many_requests",
    500: "internal_error",
    502: "chat_provider_unavailable",
    503: "provider_rate_limited",
    504: "provider_timeout",
}


def error_of(fault: Fault) -> APIError:
    """The error of a fault with a code or a status."""
    status = fault.status
    if fault.code is not None:
        code = fault.code
    elif status is None:
        code = "chat_provider_unavailable"
    else:
        code = _DEFAULT_CODES.get(status) or ("invalid_format" if status < 500 else "internal_error")
    is_rate_limit = status == 429 or (status is None and code in _RATE_LIMITS)
    headers = retry_after_header(fault, is_rate_limit=is_rate_limit)
    return APIError(code, f"Injected fault: {fault.text}", status=status, headers=headers)


def retry_after_header(fault: Fault, *, is_rate_limit: bool) -> dict[str, str] | None:
    """The Retry-After of a response that the fault gives."""
    seconds = fault.retry_after or ("1" if is_rate_limit else "none")
    return None if seconds == "none" else {"Retry-After": seconds}


def parse(text: str, codes: Collection[str] | None = None) -> Fault:
    """The fault that `text` describes. Raises ValueError, which names the directive that is wrong.

    codes: the documented codes; others need a status. None: any code is taken
    """
    fields: dict[str, Any] = {}
    for directive in filter(None, (part.strip() for part in text.split(";"))):
        name, _, value = (part.strip() for part in directive.partition("="))
        try:
            field, read = name, DIRECTIVES[name]
            if name in CUTS:
                field = "cut"
            if field in fields:
                raise ValueError("given twice")
            fields[field.replace("-", "_")] = Cut(name, read(value)) if field == "cut" else read(value)
        except KeyError:
            raise ValueError(f"{name!r} is not a fault; the faults are {', '.join(sorted(DIRECTIVES))}") from None
        except ValueError as error:
            raise ValueError(f"{directive!r}: {error}") from None
    if not fields:
        raise ValueError("an empty fault")
    if not fields.keys() & _EFFECTS:
        raise ValueError(
            f"{text.strip()!r} says for which requests, and injects nothing: add code=, latency= or another fault"
        )
    code = fields.get("code")
    if code is not None and codes is not None and code not in codes and "status" not in fields:
        similar = difflib.get_close_matches(code, codes, n=1)
        meant = f" (did you mean {similar[0]}?)" if similar else ""
        raise ValueError(f"'code={code}': this code is not documented{meant}; with status=N, any code can be given")
    return Fault(text=text.strip(), **fields)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e6:
        raise ValueError("not a number from 0 to 999999")
    return value


def _pace(text: str) -> float:
    return _number(text) or 1e-3


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("not a whole number")
    return int(text)


def _times(text: str) -> int:
    value = _whole(text)
    if value == 0:
        raise ValueError("0 would never apply; the least is 1")
    return value


def _status(text: str) -> int:
    value = _whole(text)
    if not 400 <= value <= 599:
        raise ValueError("not an error status (400 to 599)")
    return value


def _word(text: str) -> str:
    if not text:
        raise ValueError("a value is missing")
    return text


def _header_value(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("no header can carry this")
    return _word(text)


def _flag(text: str) -> bool:
    if text:
        raise ValueError("takes no value")
    return True


def _place(text: str) -> str | int:
    if text in PLACES:
        return text
    if text.isdecimal():
        return int(text)
    raise ValueError(f"not a place: {', '.join(sorted(PLACES))} or a number")


def _when(text: str) -> str:
    if text not in ("before", "after"):
        raise ValueError("neither before nor after")
    return text


DIRECTIVES: Mapping[str, Callable[[str], Any]] = {
    "code": _word,
    "status": _status,
    "retry-after": _header_value,
    "html": _flag,
    "when": _when,
    "latency": _number,
    "pace": _pace,
    "keep-alive": _pace,
    "reset": _place,
    "truncate": _place,
    "stall": _place,
    "malformed": lambda text: _whole(text) if text else "body",
    "end": _whole,
    "done": _whole,
    "error-frame": _whole,
    "unnoticed": _flag,
    "skip": _whole,
    "times": _times,
    "id": _word,
}
