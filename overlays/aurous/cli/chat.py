"""Carries out `aurous chat`: asks, shows the answer as it comes, and says what it cost, however it ends."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from contextlib import closing, suppress

from .._client.client import Aurous
from .._stream.stream import ChatStream
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
    show = _discard if flags.json else views.choose(plain=flags.plain)
    # Opened by reading it, and not before: waiting for the first word can be interrupted like the rest.
    with closing(stream):
        try:
            show(stream.text)
            return finish(stream, as_json=flags.json)
        except KeyboardInterrupt:
            return cancel(stream)
        except OSError:
            # Nobody can read on, so nobody should pay on.
            if stream.end is None:
                with suppress(AurousError):
                    stream.cancel()
            raise
        except AurousError as error:
            output.tell(failures.aftermath(error, stream.id, stream.receipt))
            return failures.status(error)


def read_prompt(given: str) -> str:
    """The prompt, from standard input if it is `-`. Raises ConfigurationError where there is none."""
    if given != "-":
        prompt = given
    else:
        if sys.stdin.isatty():
            output.tell("type the prompt, and end it with Ctrl-D on a line of its own")
        try:
            prompt = sys.stdin.buffer.read().decode().removesuffix("\n")
        except UnicodeDecodeError:
            raise ConfigurationError("the prompt on standard input is not UTF-8 text") from None
    if not prompt.strip():
        raise ConfigurationError("the prompt is empty")
    return prompt


def finish(stream: ChatStream, *, as_json: bool) -> int:
    """Say what an answer cost; or, for a program, print it all. Raises AurousError where that much did not come."""
    if as_json:
        output.write_json(stream.completion)
        return 0
    if stream.recovery is not None:
        output.tell("the connection broke; the rest of the answer came from its stored record")
    if stream.finish_reason != "stop":
        output.tell(f"this is not the whole answer: finish_reason is {stream.finish_reason}")
    if stream.receipt is not None:
        output.tell_receipt(stream.receipt)
    else:
        output.tell(f"the answer came without a receipt: `aurous get {stream.id}` tells what it cost")
    return 0


def cancel(stream: ChatStream) -> int:
    """Cancel an answer on the server, and say what had been made of it and charged."""
    if stream.id is None:
        output.tell("interrupted before the answer began; hanging up cancels it")
        return INTERRUPTED
    # Said first, so that one who has no patience for the rest has the id.
    output.tell(f"interrupted; cancelling {stream.id}")
    try:
        record = stream.cancel()
    except AurousError as error:
        output.tell(f"cancelling failed: {failures.aftermath(error, stream.id, None)}")
    else:
        output.tell(f"{record.status}; charged {output.price(receipt(record))}")
    return INTERRUPTED


def _discard(pieces: Iterable[str]) -> None:
    for _ in pieces:
        pass
