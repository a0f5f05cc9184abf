"""The values of the command line's flags, as argparse converts them. A mistake is an ArgumentTypeError."""

import argparse
import re
from decimal import Decimal
from urllib.parse import urlsplit

from aurous_mock.billing.pricing import MICRO
from aurous_mock.contract.model_catalogue import ModelMapping, Rates
from aurous_mock.storage.retention import Retention

# Databases and rates take no larger numbers.
_LARGEST = 10**15
# Each is a process of some 60 MB: a slip of the finger must not take all memory.
_MOST_WORKERS = 256


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range")
    return value


def seconds(text: str) -> float:
    return _number(text)


def rate(text: str) -> float:
    value = _number(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def limit(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    if int(text) > _LARGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range; at most {_LARGEST}")
    return int(text)


def workers(text: str) -> int:
    number = limit(text)
    if number > _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is more than a machine can start; at most {_MOST_WORKERS}")
    return number


def retention(text: str) -> Retention:
    try:
        return Retention(days=rate(text.removesuffix("d"))) if text.endswith("d") else Retention(count=limit(text))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither days, such as 30d, nor a number of completions"
        ) from error


def host(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty address stands for all; for these, use 0.0.0.0")
    return text


def port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port, from 0 to 65535")
    return int(text)


def amount(text: str) -> int:
    try:
        micro = Decimal(text) * MICRO
    except ArithmeticError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of credits") from error
    if not micro.is_finite() or not 0 <= micro <= 10**15 or micro != int(micro):
        raise argparse.ArgumentTypeError("credits are from 0 to 1000000000, with at most six decimals")
    return int(micro)


def api_key(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise argparse.ArgumentTypeError("a key is printable ASCII without spaces, and not empty")
    return text


def team_key(text: str) -> tuple[str, str]:
    team, _, key = text.partition("=")
    if not team or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not TEAM=KEY")
    return team, api_key(key)


def model(text: str) -> ModelMapping:
    match = re.fullmatch(r"([^=]+)=(.+?)(?::(\d{1,9})/(\d{1,9}))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=UPSTREAM or NAME=UPSTREAM:INPUT/OUTPUT")
    name, upstream, input_rate, output_rate = match.groups()
    rates = Rates(input=int(input_rate), output=int(output_rate)) if input_rate else None
    return ModelMapping(name, upstream, rates)


def state(text: str) -> str:
    if text in ("", ":memory:") or text.rstrip("/") == "sqlite:" or text.endswith(":memory:"):
        raise argparse.ArgumentTypeError(
            "state is kept in memory when --state is left out; here it names a file or URL"
        )
    return text


def origin(text: str) -> str:
    parts = urlsplit(text)
    if text != "*" and (parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query):
        raise argparse.ArgumentTypeError(f"{text!r} is not an origin, such as http://localhost:3000, nor *")
    return text


def url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http(s) URL")
    if parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} does not end before ? and #: paths are added to it")
    return text.rstrip("/")
