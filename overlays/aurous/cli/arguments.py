"""The command line: commands, flags, help and exit statuses. Imports no HTTP library. Internal."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from .._version import __version__

REFUSED: Final = 1
USAGE: Final = 2
NO_ANSWER: Final = 3
INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141

DEFAULT_MODEL: Final = "aurous-grow-2.0-pro"

_EPILOG: Final = f"""\
environment:
  AUROUS_API_KEY      the key; there is no flag for it, since others can read a command line
  AUROUS_BASE_URL     the server, unless --base-url names it
  AUROUS_API_VERSION  the Aurous-Version to send

exit status:
  0    done
  {REFUSED}    the API refused: an unknown id, a wrong key, too few credits
  {USAGE}    the command line or the settings are wrong, and nothing was sent
  {NO_ANSWER}    no answer, or only part of one: no connection, a timeout, an interrupted stream
  {INTERRUPTED}  interrupted by Ctrl-C; an answer that had begun was cancelled, and its charge shown
  {OUTPUT_CLOSED}  standard output was closed by its reader, such as head; the answer was cancelled

Standard output has only the answer; receipts and errors go to standard error."""


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the flags of a command line. Raises SystemExit for --help, --version and usage errors."""
    return _parser().parse_args(argv)


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"aurous: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(USAGE)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds over 0")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="aurous",
        description="Talk to the Aurous Labs API from a terminal or a script.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"aurous {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_chat(commands)
    _add(commands, "models", "list the models, their limits and their prices")
    _add(commands, "balance", "show the team's credits")
    get = _add(commands, "get", "show a stored completion, such as one that was interrupted")
    get.add_argument("id", metavar="ID", help="its id, cmp_...")
    return parser


def _add_chat(commands: argparse._SubParsersAction[_Parser]) -> None:
    chat = _add(commands, "chat", "ask, and stream the answer; its receipt goes to standard error")
    chat.add_argument(
        "prompt", nargs="?", default="-", metavar="PROMPT", help="what to ask; left out or -, standard input"
    )
    chat.add_argument("--model", default=DEFAULT_MODEL, metavar="M", help="the model to ask (default: %(default)s)")
    chat.add_argument("--system", metavar="TEXT", help="instructions that go before the prompt")
    chat.add_argument("--max-tokens", type=int, metavar="N", help="the most tokens to generate, and to pay for")
    chat.add_argument("--temperature", type=float, metavar="T", help="0 to 2; lower is more predictable")
    chat.add_argument("--plain", action="store_true", help="no live view, only the text; the default in a pipe")


def _add(commands: argparse._SubParsersAction[_Parser], name: str, purpose: str) -> _Parser:
    parser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog="The key is read from AUROUS_API_KEY. Exit statuses: see aurous --help.",
        # An abbreviation in a script could become ambiguous with a new flag.
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="only the API's object, as JSON")
    parser.add_argument("--base-url", metavar="URL", help="the server (env: AUROUS_BASE_URL)")
    parser.add_argument("--timeout", type=_seconds, metavar="S", help="seconds to wait for all of it (default: 600)")
    return parser
