"""Which members an upstream server takes: `max_tokens` or `max_completion_tokens`, and `stream_options`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aurous_mock import request_log
from aurous_mock.upstream.refusals import Refusal

MAX_TOKENS, MAX_COMPLETION_TOKENS = "max_tokens", "max_completion_tokens"


class Dialect(StrEnum):
    """How the most tokens are named. AUTO: as a server's refusals teach"""

    AUTO = "auto"
    MAX_TOKENS = MAX_TOKENS
    MAX_COMPLETION_TOKENS = MAX_COMPLETION_TOKENS


@dataclass(slots=True)
class _Members:
    limit: str
    takes_stream_options: bool = True


class Members:
    """What each model of one upstream server takes, as far as it is known."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._models: dict[str, _Members] = {}

    def _of(self, model: str) -> _Members:
        limit = MAX_COMPLETION_TOKENS if self._dialect is Dialect.MAX_COMPLETION_TOKENS else MAX_TOKENS
        return self._models.setdefault(model, _Members(limit))

    def limit(self, model: str) -> str:
        """The member for the most tokens of an answer."""
        return self._of(model).limit

    def takes_stream_options(self, model: str) -> bool:
        """Whether a stream may be asked for its usage."""
        return self._of(model).takes_stream_options

    def learn(self, model: str, sent: Mapping[str, Any], refusal: Refusal) -> bool:
        """Whether the request is to be sent again with other members, after this refusal of it."""
        members = self._of(model)
        if not refusal.is_of_request or refusal.status == 413:
            return False
        limit = MAX_COMPLETION_TOKENS if MAX_COMPLETION_TOKENS in sent else MAX_TOKENS
        is_about_limit = refusal.param == limit or refusal.mentions(MAX_COMPLETION_TOKENS)
        if self._dialect is Dialect.AUTO and limit in sent and is_about_limit and _is_unknown(refusal):
            # Another request that was sent at the same time may have taught it already.
            if members.limit == limit:
                members.limit = MAX_TOKENS if limit == MAX_COMPLETION_TOKENS else MAX_COMPLETION_TOKENS
                request_log.warn(f"the upstream server takes {members.limit} rather than {limit} for {model}")
            return True
        if "stream_options" in sent and refusal.mentions("stream_options"):
            if members.takes_stream_options:
                members.takes_stream_options = False
                request_log.warn(
                    f"the upstream server takes no stream_options for {model}: tokens of streams are counted here"
                )
            return True
        return False


def _is_unknown(refusal: Refusal) -> bool:
    """Whether a member is refused for its name, rather than for its value."""
    text = f"{refusal.code} {refusal.reason}".lower()
    words = (
        "unsupported",
        "not supported",
        "unknown",
        "unrecognized",
        "unexpected",
        "extra",
        "not permitted",
        "use 'max",
    )
    return any(word in text for word in words)
