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
    from ._client.client import AsyncAurous, Aurous
    from ._client.hooks import CallDetails, Hooks
    from ._client.policies import RetryPolicy, StreamPolicy, Timeouts
    from ._request.attempt import Attempt
    from ._request.idempotency import idempotency_key
    from ._request.response_info import RateLimit, ResponseInfo, response_info
    from ._stream.parser import StreamNotice
    from ._stream.recovery import Recovery
    from ._stream.stream import AsyncChatStream, ChatStream
    from .billing.ledger import Budget, Ledger, LedgerLine
    from .billing.receipts import Receipt, ReceiptWarning, receipt
    from .connected import ConnectedClient, connect
    from .tools.loop import FunctionTool, ToolLoopError, ToolRun, arun_tools, run_tools, tool
    from .tools.structured_output import SchemaLimitError, StructuredOutputError, parsed, response_format_for
else:
    # Loaded when it is asked for: all programs wait for their imports, and few use everything. pytest waits for this
    # package wherever it is installed, since the plugin is in it.
    __getattr__, __dir__ = _offer(
        __name__,
        {
            **dict.fromkeys(("RateLimit", "ResponseInfo", "response_info"), "_request.response_info"),
            "Attempt": "_request.attempt",
            **dict.fromkeys(("AsyncAurous", "Aurous"), "_client.client"),
            **dict.fromkeys(("ConnectedClient", "connect"), "connected"),
            "StreamNotice": "_stream.parser",
            **dict.fromkeys(("CallDetails", "Hooks"), "_client.hooks"),
            "idempotency_key": "_request.idempotency",
            **dict.fromkeys(("Budget", "Ledger", "LedgerLine"), "billing.ledger"),
            **dict.fromkeys(
                ("SchemaLimitError", "StructuredOutputError", "parsed", "response_format_for"),
                "tools.structured_output",
            ),
            **dict.fromkeys(("RetryPolicy", "StreamPolicy", "Timeouts"), "_client.policies"),
            **dict.fromkeys(("Receipt", "ReceiptWarning", "receipt"), "billing.receipts"),
            "Recovery": "_stream.recovery",
            **dict.fromkeys(("AsyncChatStream", "ChatStream"), "_stream.stream"),
            **dict.fromkeys(
                ("FunctionTool", "ToolLoopError", "ToolRun", "arun_tools", "run_tools", "tool"), "tools.loop"
            ),
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
