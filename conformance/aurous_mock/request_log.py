"""The log of the server: lines on standard error, each with the id of the request that it is about."""

import sys
from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")


def warn(text: str) -> None:
    """Write a line about the current request. The text has no key and nothing of the prompt; it is cut to one line."""
    line = "".join(character if character.isprintable() else " " for character in text)
    print(f"{REQUEST_ID.get()} aurous-mock: {line}", file=sys.stderr)
