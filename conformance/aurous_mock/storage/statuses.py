"""The statuses of a completion, and the body of one that failed because nothing else can be stored of it."""

from dataclasses import asdict, dataclass
from typing import Any

import orjson

IN_PROGRESS, COMPLETED, CANCELLED, FAILED = "in_progress", "completed", "cancelled", "failed"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a record did not complete: the `error` member of a failed or cancelled completion."""

    code: str
    type: str
    message: str


ABANDONED = Failure("chat_provider_unavailable", "server_error", "The instance that made the completion went away.")


def mark_failed(body: bytes, failure: Failure) -> bytes:
    """The body of a completion that cannot be finished otherwise: failed, and not charged. body: an earlier one"""
    if not body:
        # Of an operation that is answered by its spec alone: there is no completion.
        return body
    completion: dict[str, Any] = orjson.loads(body)
    usage = completion["usage"]
    usage["credits_charged"] = 0.0
    usage["breakdown"] |= {name: 0.0 for name in usage["breakdown"] if name.endswith("_credits")}
    return orjson.dumps({**completion, "status": FAILED, "error": asdict(failure)})
