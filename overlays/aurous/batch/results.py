"""The result of one line, and its form in the output file: OpenAI's batch output, with the receipt."""

from __future__ import annotations

import json
from typing import Any, Final

from attrs import field, frozen
from aurous_client.errors import EncodeError
from aurous_client.models import ChatCompletion
from aurous_client.operations import Response

from .._error_body import MAX_SIZE
from .._json import decode, decode_digits, encode_digits
from ..errors import (
    APIStatusError,
    AurousError,
    BudgetExceededError,
    ConfigurationError,
    IdempotencyKeyInUseError,
)
from ..types import Receipt
from .request_forms import BatchRequest, InvalidLine

OWN_MEMBER: Final = "aurous"
"""The member of a record that OpenAI's form does not have."""

RECORD_START: Final = b'{"id":"batch_req_'
"""How every record begins, also one that was torn."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# Of strings, its fast path: text is put together of them here, since objects take several times as long.
_to_json: Final = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class InvalidLineError(AurousError, ValueError):
    """A line from which no valid request can be made. The message says why."""


# Errors that come before anything is sent.
_UNSENT: Final = (BudgetExceededError, ConfigurationError, EncodeError, InvalidLineError)


@frozen(kw_only=True, slots=False)
class BatchResult:
    """How one line of a batch ended: with a completion, or with an error."""

    number: int
    """The line's number, from 1."""
    custom_id: str
    """Its own, or `line-N`."""
    idempotency_key: str
    completion: ChatCompletion | None = None
    error: AurousError | EncodeError | None = None
    """None for an answer; `InvalidLineError` where nothing was sent."""
    receipt: Receipt | None = None
    """What the answer cost, also if it is not valid; `receipt.replayed` says whether an earlier run paid for it."""
    job: str = field(default="", repr=False)
    sent_at: float = field(default=0.0, repr=False)
    """Unix time at which it was sent."""
    response: Response[ChatCompletion] | None = field(default=None, repr=False)

    @property
    def text(self) -> str | None:
        """The text of the first choice; None without one."""
        if self.completion is None or not self.completion.choices:
            return None
        return self.completion.choices[0].message.content

    @property
    def request_id(self) -> str | None:
        """The server's id of the answer, or of the error; None if there was no response."""
        if self.response is not None:
            return self.response.headers.get("aurous-request-id")
        return self.error.request_id if isinstance(self.error, APIStatusError) else None

    @property
    def body_text(self) -> str | None:
        """The answer as JSON, on one line; None without one."""
        return None if self.response is None else _one_line(self.response.content)

    @property
    def error_record(self) -> dict[str, str] | None:
        """`code` and `message` of the error; None for an answer."""
        return None if self.error is None else _error(self.error)

    @property
    def may_be_charged(self) -> bool:
        """Whether a line that failed may have cost credits all the same."""
        return self.error is not None and _may_be_charged(self.error)

    def to_json(self) -> bytes:
        """The record of the output file, without a newline."""
        own = (
            f'"line":{self.number},"job":{_to_json(self.job)},"idempotency_key":"{self.idempotency_key}",'
            f'"sent_at":{round(self.sent_at, 3)!r}'
        )
        if self.receipt is not None:
            own += f',"receipt":{_receipt(self.receipt)}'
        response, error = "null", "null"
        if self.response is not None:
            response = _response(self.response.status_code, self.request_id, self.body_text)
        elif self.error is not None:
            error = _to_json(_error(self.error))
            own += f',"may_be_charged":{_to_json(self.may_be_charged)}'
            if isinstance(self.error, APIStatusError):
                content = self.error.content
                is_object = len(content) <= MAX_SIZE and isinstance(decode(content), dict)
                response = _response(self.error.status_code, self.request_id, _one_line(content) if is_object else None)
        record = (
            f'{{"id":"batch_req_{self.idempotency_key}","custom_id":{_to_json(self.custom_id)},'
            f'"response":{response},"error":{error},"{OWN_MEMBER}":{{{own}}}}}'
        )
        return record.encode()

    def to_dict(self) -> dict[str, Any]:
        """The record of the output file, decoded."""
        record: dict[str, Any] = json.loads(self.to_json())
        return record


def invalid_result(line: InvalidLine, job: str, sent_at: float) -> BatchResult:
    """The result of an invalid line."""
    return BatchResult(
        number=line.number,
        custom_id=line.custom_id,
        idempotency_key=line.key,
        error=InvalidLineError(line.reason),
        job=job,
        sent_at=sent_at,
    )


def error_result(
    request: BatchRequest,
    error: AurousError | EncodeError,
    job: str,
    sent_at: float,
    *,
    receipt: Receipt | None = None,
) -> BatchResult:
    """The result of a line whose call failed. receipt: what it cost all the same"""
    return BatchResult(
        number=request.number,
        custom_id=request.custom_id,
        idempotency_key=request.key,
        error=error,
        receipt=receipt,
        job=job,
        sent_at=sent_at,
    )


def _may_be_charged(error: AurousError | EncodeError) -> bool:
    if isinstance(error, _UNSENT):
        return False
    if isinstance(error, IdempotencyKeyInUseError):
        # What had this key before may still be carried out.
        return True
    attempts = getattr(error, "attempts", ())
    return not attempts or any(attempt.may_have_worked for attempt in attempts)


def _error(error: AurousError | EncodeError) -> dict[str, str]:
    if isinstance(error, InvalidLineError):
        code = "invalid_line"
    elif isinstance(error, APIStatusError):
        code = error.code or f"http_{error.status_code}"
    else:
        code = type(error).__name__
    return {"code": code, "message": str(error)}


def _receipt(receipt: Receipt) -> str:
    return (
        f'{{"credits":"{receipt.credits:f}","model":{_to_json(receipt.model)},'
        f'"pricing_version":{receipt.pricing_version},"prompt_tokens":{receipt.prompt_tokens},'
        f'"completion_tokens":{receipt.completion_tokens},"reasoning_tokens":{receipt.reasoning_tokens},'
        f'"replayed":{"true" if receipt.replayed else "false"}}}'
    )


def _response(status_code: int, request_id: str | None, body: str | None) -> str:
    return f'{{"status_code":{status_code},"request_id":{_to_json(request_id)},"body":{body or "null"}}}'


def _one_line(content: bytes) -> str:
    """A JSON body as it was received, so that its numbers keep their digits, on one line."""
    try:
        if not content.startswith(_BYTE_ORDER_MARK) and b"\0" not in content:
            # Within a string of JSON there are none.
            return content.decode().replace("\n", " ").replace("\r", " ").strip()
    except UnicodeDecodeError:
        pass
    return encode_digits(decode_digits(content), is_ascii=True)
