"""The commands that make one API call each, and print its result. Internal."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Final

from aurous_client.models import ChatCompletion, Model, TokenRate
from aurous_client.types import JsonObject

from .._client.client import Aurous
from .._config.options import KEY_VARIABLE
from .._config.policies import StreamPolicy, Timeouts
from ..billing.receipts import receipt
from ..errors import ConfigurationError
from . import chat, output


def run(flags: Namespace) -> int:
    """Run a command. Returns its exit status; raises the errors of a call."""
    if not os.environ.get(KEY_VARIABLE, "").strip() and not getattr(flags, "dry_run", False):
        raise ConfigurationError(f"there is no API key: set {KEY_VARIABLE} in the environment")
    if flags.command == "batch":
        from . import batch

        return batch.run(flags)
    policy = StreamPolicy(on_disconnect="recover")
    timeout = None if flags.timeout is None else Timeouts(total=flags.timeout)
    with Aurous(base_url=flags.base_url, timeout=timeout, streams=policy) as client:
        return _COMMANDS[flags.command](client, flags)


def list_models(client: Aurous, flags: Namespace) -> int:
    """List the models."""
    models = client.models.list()
    if flags.json:
        output.write_json(models)
    else:
        head = ("MODEL", "KIND", "CONTEXT", "MAX OUTPUT", "CREDITS PER MILLION TOKENS")
        output.write_columns([head, *map(_row, models.data)])
    return 0


def show_balance(client: Aurous, flags: Namespace) -> int:
    """Show the credits."""
    current = client.balance.retrieve()
    if flags.json:
        output.write_json(current)
    else:
        exempt = ", never charged" if current.billing_mode == "exempt" else ""
        figures = f"{output.amount(current.credits)} in total, {output.amount(current.held_credits)} held"
        output.write_line(f"{output.amount(current.available_credits)} credits available ({figures}{exempt})")
    return 0


def show_completion(client: Aurous, flags: Namespace) -> int:
    """Show a stored completion: its answer, and its status and receipt on standard error."""
    completion = client.chat.completions.retrieve(flags.id)
    if flags.json:
        output.write_json(completion)
        return 0
    for text in _answer(completion):
        output.write_line(text)
    if completion.status != "completed":
        reason = f": {completion.error.message} ({completion.error.code})" if completion.error else ""
        output.write_note(f"{completion.status}{reason}")
    # For a running completion, the figures so far.
    output.write_receipt(receipt(completion))
    return 0


def _answer(completion: ChatCompletion) -> list[str]:
    """The text and tool calls of an answer, as far as it exists."""
    lines: list[str] = []
    for message in (choice.message for choice in completion.choices):
        lines += [message.content] if message.content else []
        lines += [f"{call.function.name}({call.function.arguments})" for call in message.tool_calls or ()]
    return lines


def _row(model: Model) -> tuple[str, ...]:
    metadata = model.aurous_metadata
    pricing = model.chat_pricing or model.embedding_pricing
    return (
        model.id,
        _cell(model, "kind"),
        _cell(metadata, "context_window"),
        _cell(metadata, "max_output_tokens_hard_cap"),
        _rates(pricing) if pricing else "-",
    )


def _cell(holder: object, name: str) -> str:
    """A member as text; `-` if absent or null."""
    value = getattr(holder, name, None)
    if isinstance(value, float):
        return output.amount(value)
    return str(value) if value or value == 0 else "-"


def _rates(pricing: JsonObject) -> str:
    rates: Mapping[str, object] = {name: getattr(pricing, name, None) for name in ("input", "output", "text", "visual")}
    return ", ".join(
        f"{name} {output.amount(rate.credits_per_m)}" for name, rate in rates.items() if isinstance(rate, TokenRate)
    )


_COMMANDS: Final[Mapping[str, Callable[[Aurous, Namespace], int]]] = {
    "chat": chat.run,
    "models": list_models,
    "balance": show_balance,
    "get": show_completion,
}
