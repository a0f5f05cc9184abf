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

from typing import TYPE_CHECKING, Any

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
from .ledger import Budget, Ledger, LedgerLine
from .options import StreamPolicy, Timeouts
from .receipts import Receipt, ReceiptWarning, receipt
from .recovery import Recovery
from .retries import RetryPolicy
from .stream import AsyncChatStream, ChatStream

if TYPE_CHECKING:
    from .parsing import SchemaLimitError, StructuredOutputError, parsed, response_format_for
    from .tools import FunctionTool, ToolLoopError, ToolRun, arun_tools, run_tools, tool

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

# Loaded when they are asked for: most services call no tools, and all of them wait for imports.
_LAZY = {
    **dict.fromkeys(("SchemaLimitError", "StructuredOutputError", "parsed", "response_format_for"), "parsing"),
    **dict.fromkeys(("FunctionTool", "ToolLoopError", "ToolRun", "arun_tools", "run_tools", "tool"), "tools"),
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LAZY[name]}", __name__), name)
    return value
