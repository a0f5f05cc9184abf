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

from typing import TYPE_CHECKING

from aurous_client import API_VERSION, UNSET, Unset, models
from aurous_client.errors import EncodeError
from aurous_client.lazy import offer as _offer

from ._version import __version__
from .errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
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

if TYPE_CHECKING:
    from .answers import RateLimit, ResponseInfo, response_info
    from .attempts import Attempt
    from .client import AsyncAurous, Aurous
    from .connected import ConnectedClient, connect
    from .frames import StreamNotice
    from .hooks import CallDetails, Hooks
    from .idempotency import idempotency_key
    from .ledger import Budget, Ledger, LedgerLine
    from .parsing import SchemaLimitError, StructuredOutputError, parsed, response_format_for
    from .policies import RetryPolicy, StreamPolicy, Timeouts
    from .receipts import Receipt, ReceiptWarning, receipt
    from .recovery import Recovery
    from .stream import AsyncChatStream, ChatStream
    from .tools import FunctionTool, ToolLoopError, ToolRun, arun_tools, run_tools, tool
else:
    # Loaded when it is asked for: all programs wait for their imports, and few use everything. pytest waits for this
    # package wherever it is installed, since the plugin is in it.
    __getattr__, __dir__ = _offer(
        __name__,
        {
            **dict.fromkeys(("RateLimit", "ResponseInfo", "response_info"), "answers"),
            "Attempt": "attempts",
            **dict.fromkeys(("AsyncAurous", "Aurous"), "client"),
            **dict.fromkeys(("ConnectedClient", "connect"), "connected"),
            "StreamNotice": "frames",
            **dict.fromkeys(("CallDetails", "Hooks"), "hooks"),
            "idempotency_key": "idempotency",
            **dict.fromkeys(("Budget", "Ledger", "LedgerLine"), "ledger"),
            **dict.fromkeys(("SchemaLimitError", "StructuredOutputError", "parsed", "response_format_for"), "parsing"),
            **dict.fromkeys(("RetryPolicy", "StreamPolicy", "Timeouts"), "policies"),
            **dict.fromkeys(("Receipt", "ReceiptWarning", "receipt"), "receipts"),
            "Recovery": "recovery",
            **dict.fromkeys(("AsyncChatStream", "ChatStream"), "stream"),
            **dict.fromkeys(("FunctionTool", "ToolLoopError", "ToolRun", "arun_tools", "run_tools", "tool"), "tools"),
        },
    )

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
    "FunctionTool",
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
    "SchemaLimitError",
    "ServerError",
    "StreamInterruptedError",
    "StreamNotice",
    "StreamPolicy",
    "StreamTimeoutError",
    "StructuredOutputError",
    "Timeouts",
    "ToolLoopError",
    "ToolRun",
    "TotalTimeoutError",
    "Unset",
    "__version__",
    "arun_tools",
    "connect",
    "idempotency_key",
    "models",
    "parsed",
    "receipt",
    "response_format_for",
    "response_info",
    "run_tools",
    "tool",
]
