"""The Python client for the Aurous Labs API.

    from aurous import Aurous

    client = Aurous()  # the key is in AUROUS_API_KEY
    completion = client.chat.completions.create(
        model="aurous-grow-2.0-pro",
        messages=[{"role": "user", "content": "Name three uses of a paper clip."}],
    )
    print(completion.choices[0].message.content)

Objects of the API (`ChatCompletion`, `UserMessage` ...) are in `aurous.models`, errors in `aurous.errors`.
"""

from aurous_client import API_VERSION, UNSET, Unset, models
from aurous_client.errors import EncodeError

from ._version import __version__
from .answers import RateLimit, ResponseInfo, response_info
from .client import AsyncAurous, Aurous, ConnectedClient, connect
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    Attempt,
    AurousError,
    AuthenticationError,
    BalanceTooLowError,
    BudgetExceededError,
    ConfigurationError,
    ConflictError,
    FirstEventTimeoutError,
    IdempotencyKeyInUseError,
    IdleTimeoutError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ResponseShapeError,
    ServerError,
    StreamInterruptedError,
    StreamTimeoutError,
    TotalTimeoutError,
)
from .frames import StreamNotice
from .hooks import CallDetails, Hooks
from .idempotency import idempotency_key
from .options import StreamPolicy, Timeouts
from .receipts import Budget, Ledger, LedgerLine, Receipt, ReceiptWarning, receipt
from .recovery import Recovery
from .retries import RetryPolicy
from .stream import AsyncChatStream, ChatStream

__all__ = [
    "API_VERSION",
    "UNSET",
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncAurous",
    "AsyncChatStream",
    "Attempt",
    "Aurous",
    "AurousError",
    "AuthenticationError",
    "BalanceTooLowError",
    "Budget",
    "BudgetExceededError",
    "CallDetails",
    "ChatStream",
    "ConfigurationError",
    "ConflictError",
    "ConnectedClient",
    "EncodeError",
    "FirstEventTimeoutError",
    "Hooks",
    "IdempotencyKeyInUseError",
    "IdleTimeoutError",
    "InvalidRequestError",
    "Ledger",
    "LedgerLine",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "Receipt",
    "ReceiptWarning",
    "Recovery",
    "ResponseInfo",
    "ResponseShapeError",
    "RetryPolicy",
    "ServerError",
    "StreamInterruptedError",
    "StreamNotice",
    "StreamPolicy",
    "StreamTimeoutError",
    "Timeouts",
    "TotalTimeoutError",
    "Unset",
    "__version__",
    "connect",
    "idempotency_key",
    "models",
    "receipt",
    "response_info",
]
