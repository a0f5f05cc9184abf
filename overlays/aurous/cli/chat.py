"""The command `aurous chat`: streams an answer and reports its cost, however it ends. Internal."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from contextlib import closing, suppress

from aurous_client.encoding import is_utf8

from .._client.client import Aurous
from .._stream.chat_stream import ChatStream
from ..billing.receipts import receipt
from ..errors import AurousError, ConfigurationError
from . import failures, output, views
from .arguments import INTERRUPTED


def run(client: Aurous, flags: Namespace) -> int:
    """Ask and show. Returns the exit status; raises OSError where it cannot write."""
    messages = [{"role": "system", "content": flags.system}] if flags.system is not None else []
    stream = client.chat.completions.stream(
        model=flags.model,
        messages=[*messages, {"role": "user", "content": read_prompt(flags.prompt)}],
        max_tokens=flags.max_tokens,
        temperature=flags.temperature,
    )
    show = _discard if flags.json else views.choose_view(plain=flags.plain)
    # Opened by the first read, so that waiting for the first event can be interrupted too.
    with closing(stream):
        try:
            show(stream.text)
            return finish(stream, as_json=flags.json)
        except KeyboardInterrupt:
            return cancel(stream)
        except OSError:
            # Nobody reads the rest, so it should not be paid for.
            if stream.end is None:
                with suppress(AurousError):
                    stream.cancel()
            raise
        except AurousError as error:
            output.write_note(failures.stream_summary(error, stream.id, stream.receipt))
            return failures.exit_status(error)


def read_prompt(argument: str) -> str:
    """The prompt, from standard input if it is `-`. Raises ConfigurationError if it is empty or not UTF-8."""
    if argument != "-":
        prompt = argument
        if not is_utf8(prompt):
            raise ConfigurationError("the prompt is not UTF-8 text")
    elif sys.stdin is None:
        raise ConfigurationError("standard input is closed")
    else:
        if sys.stdin.isatty():
            output.write_note("type the prompt, and end it with Ctrl-D on a line of its own")
        try:
            # Programs of Windows write a byte order mark into a pipe.
            prompt = sys.stdin.buffer.read().decode("utf-8-sig").removesuffix("\n")
        except UnicodeDecodeError:
            raise ConfigurationError("the prompt on standard input is not UTF-8 text") from None
    if not prompt.strip():
        raise ConfigurationError("the prompt is empty")
    return prompt


def finish(stream: ChatStream, *, as_json: bool) -> int:
    """Report the cost of a finished answer, or print it as JSON. Raises AurousError if it is incomplete."""
    if as_json:
        output.write_json(stream.completion)
        return 0
    if stream.recovery is not None:
        output.write_note("the connection broke; the rest of the answer came from its stored record")
    if stream.finish_reason != "stop":
        output.write_note(f"the answer is incomplete: finish_reason is {stream.finish_reason}")
    if stream.receipt is not None:
        output.write_receipt(stream.receipt)
    else:
        output.write_note(f"the answer came without a receipt: `aurous get {stream.id}` shows what it cost")
    return 0


def cancel(stream: ChatStream) -> int:
    """Cancel an answer on the server, and report its status and charge."""
    if stream.id is None:
        output.write_note("interrupted before the answer began; disconnecting cancels it")
        return INTERRUPTED
    # First, so that the id is known if cancelling is interrupted too.
    output.write_note(f"interrupted; cancelling {stream.id}")
    try:
        record = stream.cancel()
    except AurousError as error:
        output.write_note(f"cancelling failed: {failures.stream_summary(error, stream.id, None)}")
    else:
        output.write_note(f"{record.status}; charged {output.price(receipt(record))}")
    return INTERRUPTED


def _discard(texts: Iterable[str]) -> None:
    for _ in texts:
        pass
