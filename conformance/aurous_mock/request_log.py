"""The log of the server: lines on standard error, each with the id of the request that it is about."""

from contextvars import ContextVar

from aurous_mock import log

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")


def warn(text: str) -> None:
    """Write a line about the current request. The text has no key and nothing of the prompt; it is cut to one line."""
    line = "".join(character if character.isprintable() else " " for character in text)
    log.write_line(f"{REQUEST_ID.get()} aurous-mock: {line}")
