"""The value classes of calls and streams: attempts, response metadata, receipts, recoveries, and files to upload."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import field, frozen
from aurous_client.types import FileInput as FileInput

from ._error_body import printable

if TYPE_CHECKING:
    from aurous_client.models import ChatCompletion, ChatCompletionChunk
    from aurous_client.operations import Operation

# Classes of which each call makes an instance have no slots: attrs fills those of a frozen class one by one, through
# `object.__setattr__`, which takes several times as long as a dict.

__all__ = [
    "Attempt",
    "EndReason",
    "FileInput",
    "RateLimit",
    "Receipt",
    "ReceiptWarning",
    "Recovery",
    "RecoveryOutcome",
    "ResponseInfo",
]

EndReason: TypeAlias = Literal["finished", "done_without_finish_reason", "closed_early", "cut", "failed", "left"]
"""How a stream ended. `finished`: with a finish_reason, so the answer is complete. `done_without_finish_reason`: the
server sent `[DONE]` without one. `closed_early`: it closed the connection cleanly, but before the end. `cut`: the
connection broke, or a timeout passed. `failed`: the server sent an error, or something unreadable. `left`: the caller
closed the stream, or cancelled."""


@frozen(kw_only=True, slots=False)
class Attempt:
    """One HTTP request within a call."""

    number: int
    """Starts at 1."""
    elapsed: float
    """Seconds that it took."""
    status_code: int | None = None
    """None without a response."""
    code: str | None = None
    """The API's error code, if the response had one."""
    request_id: str | None = None
    error: str | None = None
    """Why there was no response, or only part of one."""
    sent: bool = True
    """Whether any byte may have reached the server."""
    delay: float | None = None
    """Seconds waited before the next attempt; None for the last."""

    @property
    def may_have_worked(self) -> bool:
        """Whether the server may have carried out the request: no response, or one from a gateway."""
        if self.status_code is None:
            return self.sent
        return self.status_code == 408 or self.status_code >= 500

    def __str__(self) -> str:
        status = f"HTTP {self.status_code}{f' {printable(self.code)}' if self.code else ''}"
        parts = (status if self.status_code is not None else "", printable(self.error) if self.error else "")
        return f"{', '.join(filter(None, parts))} after {self.elapsed:.2f} s"


@frozen(kw_only=True)
class RateLimit:
    """A token bucket, as described by a response. Page: rate-limits."""

    limit: int | None = None
    """Its capacity."""
    remaining: int | None = None
    """What is left after this request."""
    reset: int | None = None
    """Unix time in seconds at which it is full again."""


@frozen(kw_only=True, slots=False)
class ResponseInfo:
    """The metadata of a result: status, headers, attempts, idempotency key."""

    status_code: int
    headers: Mapping[str, str] = field(repr=False)
    """By their names in lower case."""
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0
    """Seconds from the start of the call to its result, including all attempts and waits."""
    idempotency_key: str | None = None
    """The key that was sent."""
    is_generated_key: bool = False
    """Whether the client made that key for this call, so that no other call can have used it."""
    inconsistencies: tuple[str, ...] = ()
    """What in the body did not match the contract, and was read all the same: one line for each kind."""

    @property
    def request_id(self) -> str | None:
        """Identifies the request to support."""
        return self.headers.get("aurous-request-id")

    @property
    def api_version(self) -> str | None:
        """The version that the server applied."""
        return self.headers.get("aurous-version")

    @property
    def idempotent_replayed(self) -> bool:
        """Whether this is the stored response of an earlier call, which was not charged again."""
        return self.headers.get("aurous-idempotent-replayed", "").lower() == "true"

    @property
    def idempotency_status(self) -> str | None:
        """What the server did with the key, if it says so: `ignored_streaming` on a stream that was sent one."""
        return self.headers.get("aurous-idempotency-status")

    @property
    def is_charged_before(self) -> bool:
        """Whether an earlier call paid for this response.

        A replay of this call's own lost attempt does not count, nor one under a generated key: that is this request,
        delivered twice. With the caller's own key and a lost attempt the two cannot be told apart; it then counts as
        this call's charge.
        """
        if self.is_generated_key or not self.idempotent_replayed:
            return False
        return not any(attempt.may_have_worked for attempt in self.attempts[:-1])

    @property
    def requests_per_minute(self) -> RateLimit:
        return self._limit("x-ratelimit")

    @property
    def tokens_per_minute(self) -> RateLimit:
        return self._limit("x-ratelimit-tpm")

    def _limit(self, prefix: str) -> RateLimit:
        # One page names these headers without the X-.
        plain = prefix.removeprefix("x-")
        return RateLimit(
            limit=_integer(self.headers, f"{prefix}-limit", f"{plain}-limit"),
            remaining=_integer(self.headers, f"{prefix}-remaining", f"{plain}-remaining"),
            reset=_integer(self.headers, f"{prefix}-reset", f"{plain}-reset"),
        )


@frozen(slots=False)
class ResponseContext:
    """What a result carries of its response. Internal; see `response_info` and `receipt`."""

    info: ResponseInfo
    content: bytes = field(repr=False)
    """The body, whose decimals are exact."""
    operation: Operation[Any] | None = field(default=None, repr=False)
    """None for a completion that was put together from a stream."""
    receipts: list[Receipt] = field(factory=list, init=False, eq=False, repr=False)
    """Its receipt, once it has been read."""


def context_of(result: object) -> ResponseContext | None:
    """The context of a result; None for other objects. Internal."""
    context = getattr(result, "_origin", None)
    return context if isinstance(context, ResponseContext) else None


def is_deprecated(headers: Mapping[str, str]) -> bool:
    """Whether a response announces the end of what its call used. Internal; it becomes a DeprecationWarning."""
    return "aurous-deprecated" in headers or "sunset" in headers


class ReceiptWarning(UserWarning):
    """Figures that are missing or do not add up. Attached to the receipt; the call itself does not fail."""


@frozen(kw_only=True, slots=False)
class Receipt:
    """What a call cost, in credits to the digit that the server wrote, and in tokens."""

    completion_id: str
    """The id of what the call created; empty where the response has none."""
    model: str
    """The model that was billed; the operation's id where the response names none."""
    pricing_version: int
    """The rate card that applied; 0 where the response names none."""
    credits: Decimal
    """The charge; this figure is authoritative."""
    has_amount: bool = True
    """Whether the response says what the charge is; if not, `credits` is 0."""
    held: bool = False
    """Whether `credits` are held, and not charged yet. The record of what the call created has the charge."""
    input_credits: Decimal
    output_credits: Decimal
    reasoning_credits: Decimal
    """0 without reasoning."""
    prompt_tokens: int
    completion_tokens: int
    """Visible ones."""
    reasoning_tokens: int
    total_tokens: int
    replayed: bool = False
    """Whether this is the receipt of an earlier call, whose response was replayed without a charge."""
    warnings: tuple[ReceiptWarning, ...] = ()
    """Figures that are missing or do not add up; empty on a sound receipt."""


RecoveryOutcome: TypeAlias = Literal["completed", "cancelled", "failed", "in_progress"]


@frozen(kw_only=True)
class Recovery:
    """What the stored record says about an interrupted stream."""

    outcome: RecoveryOutcome
    """`completed`: the answer is whole. `cancelled`: the disconnect ended it; it is partial, and charged. `failed`: the
    provider or platform failed, and nothing was charged. `in_progress`: still running when the deadline passed."""
    completion: ChatCompletion
    """The record."""
    rest: str
    """The text of the record that the stream had not delivered; empty if the two disagree."""
    agrees: bool
    """Whether the record begins with what was delivered, text and tool calls."""
    receipt: Receipt | None
    """The charge; None while it is open."""
    continuation: ChatCompletionChunk | None = field(default=None, repr=False)
    """All that was not delivered, as one chunk: text, tool calls, log probabilities, finish_reason, usage. None if
    nothing is left, or the two disagree."""


def _integer(headers: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        text = headers.get(name)
        if text is not None:
            with suppress(ValueError):
                return int(text)
    return None
