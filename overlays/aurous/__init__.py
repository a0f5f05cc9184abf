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

from aurous_client import API_VERSION as API_VERSION
from aurous_client import UNSET as UNSET
from aurous_client import Unset as Unset
from aurous_client.errors import EncodeError as EncodeError
from aurous_client.lazy import attach as _attach

from . import errors as errors
from . import models as models
from ._version import __version__ as __version__

if TYPE_CHECKING:
    from ._client.client import AsyncAurous as AsyncAurous
    from ._client.client import Aurous as Aurous
    from ._client.paging import AsyncPages as AsyncPages
    from ._client.paging import Page as Page
    from ._config.hooks import CallDetails as CallDetails
    from ._config.hooks import Hooks as Hooks
    from ._config.policies import RetryPolicy as RetryPolicy
    from ._config.policies import StreamPolicy as StreamPolicy
    from ._config.policies import Timeouts as Timeouts
    from ._request.idempotency import idempotency_key as idempotency_key
    from ._request.response import response_info as response_info
    from ._stream.accumulator import CompletionWithoutUsage as CompletionWithoutUsage
    from ._stream.chat_stream import AsyncChatStream as AsyncChatStream
    from ._stream.chat_stream import ChatStream as ChatStream
    from ._stream.chunk_parser import StreamNotice as StreamNotice
    from ._stream.event_stream import AsyncEventStream as AsyncEventStream
    from ._stream.event_stream import EventStream as EventStream
    from .billing.budget import Budget as Budget
    from .billing.ledger import Ledger as Ledger
    from .billing.ledger import LedgerLine as LedgerLine
    from .billing.receipts import receipt as receipt
    from .errors import APIConnectionError as APIConnectionError
    from .errors import APIResponseValidationError as APIResponseValidationError
    from .errors import APIStatusError as APIStatusError
    from .errors import APITimeoutError as APITimeoutError
    from .errors import AurousError as AurousError
    from .errors import AuthenticationError as AuthenticationError
    from .errors import BalanceTooLowError as BalanceTooLowError
    from .errors import BudgetExceededError as BudgetExceededError
    from .errors import ConfigurationError as ConfigurationError
    from .errors import ConflictError as ConflictError
    from .errors import FirstEventTimeoutError as FirstEventTimeoutError
    from .errors import IdempotencyKeyInUseError as IdempotencyKeyInUseError
    from .errors import IdleTimeoutError as IdleTimeoutError
    from .errors import IncompleteCompletionError as IncompleteCompletionError
    from .errors import InvalidRequestError as InvalidRequestError
    from .errors import NotFoundError as NotFoundError
    from .errors import PermissionDeniedError as PermissionDeniedError
    from .errors import RateLimitError as RateLimitError
    from .errors import ServerError as ServerError
    from .errors import StreamInterruptedError as StreamInterruptedError
    from .errors import StreamTimeoutError as StreamTimeoutError
    from .errors import TotalTimeoutError as TotalTimeoutError
    from .tools.loop import FunctionTool as FunctionTool
    from .tools.loop import ToolLoopError as ToolLoopError
    from .tools.loop import ToolRun as ToolRun
    from .tools.loop import arun_tools as arun_tools
    from .tools.loop import run_tools as run_tools
    from .tools.loop import tool as tool
    from .tools.structured_output import SchemaLimitError as SchemaLimitError
    from .tools.structured_output import StructuredOutputError as StructuredOutputError
    from .tools.structured_output import parsed as parsed
    from .tools.structured_output import response_format_for as response_format_for
    from .types import Attempt as Attempt
    from .types import RateLimit as RateLimit
    from .types import Receipt as Receipt
    from .types import ReceiptWarning as ReceiptWarning
    from .types import Recovery as Recovery
    from .types import ResponseInfo as ResponseInfo
else:
    # Loaded on first use: every program waits for its imports, and few use everything. pytest, too, imports this
    # package wherever it is installed, since the plugin is in it.
    _EXPORTS = {
        "_client.client": ("AsyncAurous", "Aurous"),
        "_client.paging": ("AsyncPages", "Page"),
        "_config.hooks": ("CallDetails", "Hooks"),
        "_config.policies": ("RetryPolicy", "StreamPolicy", "Timeouts"),
        "_request.idempotency": ("idempotency_key",),
        "_request.response": ("response_info",),
        "_stream.accumulator": ("CompletionWithoutUsage",),
        "_stream.event_stream": ("AsyncEventStream", "EventStream"),
        "_stream.chunk_parser": ("StreamNotice",),
        "_stream.chat_stream": ("AsyncChatStream", "ChatStream"),
        "billing.budget": ("Budget",),
        "billing.ledger": ("Ledger", "LedgerLine"),
        "billing.receipts": ("receipt",),
        "errors": (
            "APIConnectionError",
            "APIStatusError",
            "APITimeoutError",
            "AurousError",
            "AuthenticationError",
            "BalanceTooLowError",
            "BudgetExceededError",
            "ConfigurationError",
            "ConflictError",
            "FirstEventTimeoutError",
            "IdempotencyKeyInUseError",
            "IdleTimeoutError",
            "IncompleteCompletionError",
            "InvalidRequestError",
            "NotFoundError",
            "PermissionDeniedError",
            "RateLimitError",
            "APIResponseValidationError",
            "ServerError",
            "StreamInterruptedError",
            "StreamTimeoutError",
            "TotalTimeoutError",
        ),
        "tools.loop": ("FunctionTool", "ToolLoopError", "ToolRun", "arun_tools", "run_tools", "tool"),
        "tools.structured_output": ("SchemaLimitError", "StructuredOutputError", "parsed", "response_format_for"),
        "types": ("Attempt", "RateLimit", "Receipt", "ReceiptWarning", "Recovery", "ResponseInfo"),
    }
    _MODULES = {name: module for module, names in _EXPORTS.items() for name in names}
    __getattr__, __dir__ = _attach(__name__, _MODULES)
    __all__ = sorted(["API_VERSION", "UNSET", "EncodeError", "Unset", "__version__", "errors", "models", *_MODULES])
