"""The command line: commands, flags, help and exit statuses. Imports no HTTP library. Internal."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from aurous_client.encoding import is_utf8

from .._version import __version__
from . import output

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

REFUSED: Final = 1
USAGE: Final = 2
NO_ANSWER: Final = 3
SOME_FAILED: Final = 4
BUDGET_SPENT: Final = 5
INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141

_MAX_TEMPERATURE: Final = 2
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
  {SOME_FAILED}    a batch is done, but some of its lines failed
  {BUDGET_SPENT}    a batch stopped, since its budget is spent
  {INTERRUPTED}  interrupted by Ctrl-C; an answer that had begun was cancelled, and its charge shown
  {OUTPUT_CLOSED}  standard output was closed by its reader, such as head; the answer was cancelled

Standard output has only the answer; receipts and errors go to standard error."""


_BATCH_EPILOG: Final = f"""\
A line is the body of a chat completion, {{"prompt": "..."}}, a row for the template, or a line of OpenAI's batch form
(custom_id, method, url, body). CSV and Parquet have a column `prompt`, or those of the template. The output has the
form of OpenAI's batch output: custom_id, response, error; and the receipt in `aurous`.

To resume after a crash, kill or Ctrl-C, run the same command again: lines with an answer are not sent again, and those
that were in flight get their first answer, uncharged, for 24 hours; later they are named before they are sent. Ctrl-C
finishes what is in flight, and repeats nothing that fails; a second one disconnects. SIGTERM does the same.

--json has the figures of this run, with the price of the whole job as `job_credits`, and `budget_exceeded`: whether the
job cost more than --budget, or stopped because that is spent.

exit status:
  0    every line has an answer
  {REFUSED}    the API refused all of it: a wrong key, too few credits
  {USAGE}    the command line, the settings or a file is wrong: another job, another input, no batch
  {NO_ANSWER}    the server does not answer, or the output cannot be written
  {SOME_FAILED}    every line has ended, some with an error: see the output, and --retry-failed
  {BUDGET_SPENT}    the budget is spent
  {INTERRUPTED}  interrupted by Ctrl-C or SIGTERM; run again to resume
  {OUTPUT_CLOSED}  standard output was closed by its reader; a file that is named has the answers it did not take

The key is read from AUROUS_API_KEY."""


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the flags of a command line. Raises SystemExit for --help, --version and usage errors."""
    parser = _parser()
    flags, extra = parser.parse_known_args(argv)
    if flags.command == "chat" and extra and not any(word.startswith("-") for word in extra):
        prompt = shlex.quote(" ".join([flags.prompt, *extra]))
        parser.error(f"the prompt is several words: quote it, aurous chat {prompt}")
    if extra:
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    return flags


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        output.write_note(f"{message} (see {self.prog} --help)")
        sys.exit(USAGE)

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        # That of argparse ignores an OSError, so that help on a full disk would end with 0.
        if message:
            (file or sys.stderr).write(message)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds over 0")
    return value


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of 1 or more")
    return int(text)


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MAX_TEMPERATURE:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 to {_MAX_TEMPERATURE}")
    return value


def _text(text: str) -> str:
    # Python reads bytes of an argument that are not UTF-8 as lone surrogates.
    if not is_utf8(text):
        raise argparse.ArgumentTypeError("it is not UTF-8 text")
    return text


def _model(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; `aurous models` lists the models")
    return _text(text)


def _instructions(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; leave it out to send no instructions")
    return _text(text)


def _id(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; a completion's id begins with cmp_")
    return _text(text)


def _file(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; give the name of a file, or - for the standard one")
    return text


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
    _add_batch(commands)
    _add(commands, "models", "list the models, their limits and their prices")
    _add(commands, "balance", "show the team's credits")
    get = _add(commands, "get", "show a stored completion, such as one that was interrupted")
    get.add_argument("id", type=_id, metavar="ID", help="its id, cmp_...")
    return parser


def _add_chat(commands: argparse._SubParsersAction[_Parser]) -> None:
    chat = _add(commands, "chat", "ask, and stream the answer; its receipt goes to standard error")
    chat.add_argument(
        "prompt", nargs="?", default="-", metavar="PROMPT", help="what to ask; left out or -, standard input"
    )
    chat.add_argument(
        "--model", type=_model, default=DEFAULT_MODEL, metavar="M", help="the model to ask (default: %(default)s)"
    )
    chat.add_argument("--system", type=_instructions, metavar="TEXT", help="instructions that go before the prompt")
    chat.add_argument("--max-tokens", type=_count, metavar="N", help="the most tokens to generate, and to pay for")
    chat.add_argument("--temperature", type=_temperature, metavar="T", help="0 to 2; lower is more predictable")
    chat.add_argument("--plain", action="store_true", help="no live view, only the text; the default in a pipe")


def _add_batch(commands: argparse._SubParsersAction[_Parser]) -> None:
    batch = _add(
        commands,
        "batch",
        "send each line of a file, and write a file of answers; each line is charged once",
        json="the summary as JSON, on standard output",
        timeout="seconds of one attempt; with its retries, a line has 600",
    )
    batch.formatter_class = argparse.RawDescriptionHelpFormatter
    batch.epilog = _BATCH_EPILOG
    batch.add_argument("input", type=_file, metavar="FILE", help="the lines to send; -, standard input")
    batch.add_argument(
        "-o",
        "--output",
        type=_file,
        default="-",
        metavar="FILE",
        help="where answers go, and where a run resumes from (default: -)",
    )
    batch.add_argument(
        "--input-format", choices=("jsonl", "csv", "parquet"), help="of the input (default: by its suffix, else jsonl)"
    )
    batch.add_argument(
        "--model", type=_model, default=DEFAULT_MODEL, metavar="M", help="for lines without one (default: %(default)s)"
    )
    batch.add_argument("--system", type=_instructions, metavar="TEXT", help="instructions that go before each prompt")
    batch.add_argument("--template", type=_text, metavar="TEXT", help="makes a prompt of each row: 'Translate {text}'")
    batch.add_argument(
        "--concurrency",
        type=_count,
        default=64,
        metavar="N",
        help="the most requests at once, 10,000 at most (default: %(default)s)",
    )
    batch.add_argument(
        "--budget",
        metavar="CREDITS",
        help="start no line once the job has cost so much; those in flight can exceed it, each by its price",
    )
    batch.add_argument("--ordered", action="store_true", help="write answers in the order of the lines")
    batch.add_argument("--retry-failed", action="store_true", help="send the lines again that failed in an earlier run")
    batch.add_argument(
        "--job", type=_text, metavar="NAME", help="makes the idempotency keys (default: that of the output, or new)"
    )
    batch.add_argument("--dry-run", action="store_true", help="check the lines, show the first body, and send nothing")
    batch.add_argument("--quiet", action="store_true", help="no progress and no summary, only errors")


def _add(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    purpose: str,
    *,
    json: str = "only the API's object, as JSON",
    timeout: str = "seconds to wait for all of it (default: 600)",
) -> _Parser:
    parser = commands.add_parser(
        name,
        help=purpose,
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog="The key is read from AUROUS_API_KEY. Exit statuses: see aurous --help.",
        # An abbreviation in a script could become ambiguous with a new flag.
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help=json)
    parser.add_argument("--base-url", metavar="URL", help="the server (env: AUROUS_BASE_URL)")
    parser.add_argument("--timeout", type=_seconds, metavar="S", help=timeout)
    return parser
