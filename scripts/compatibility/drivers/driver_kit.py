"""What all drivers share: where the mock is, what is asked of it, and how the results of the checks are reported.

A driver runs in the environment of its client, without this project. It defines a function for each check, named as in
CHECKS, and calls `main`. A check passes if its function returns, is not applicable if it raises NotApplicable, and
has failed otherwise.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import traceback
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

CHECKS = ("call", "stream", "tools", "structured", "errors")
URL = os.environ.get("COMPAT_URL", "http://127.0.0.1:8080")
BASE_URL = f"{URL}/v1"
KEY = os.environ.get("COMPAT_KEY", "")
MODEL = "aurous-grow-2.0-pro"
FULL_MODEL = "aurous-mock-full"
"""For clients that send `tool_choice: required` by default."""

QUESTION = "Name three colours."
WEATHER_QUESTION = "What is the weather in Oslo? Use the tool."
PERSON_QUESTION = "Invent a person."
UNKNOWN_MODEL = "no-such-model"
_SECONDS = int(os.environ.get("COMPAT_SECONDS", "60"))

# Frameworks that read the environment find the mock there, and talk to nobody else.
os.environ.update(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=BASE_URL, OPENAI_API_BASE=BASE_URL)


class NotApplicable(Exception):  # noqa: N818 - a result of a check, no error
    """The client has no such feature; the message says so."""


def main(checks: Mapping[str, Any]) -> None:
    """Run the checks of a driver, whose `globals()` this takes, and write their results where COMPAT_RESULTS says."""
    results = {name: _run(checks[name]) for name in CHECKS}
    with open(os.environ["COMPAT_RESULTS"], "w", encoding="utf-8") as file:
        json.dump(results, file)
    # Threads of a framework that are still running do not keep the process.
    os._exit(0)


def _run(check: Callable[[], object]) -> dict[str, str]:
    try:
        with _time_limit():
            check()
    except NotApplicable as reason:
        return {"result": "not applicable", "reason": str(reason)}
    except BaseException as error:
        traceback.print_exc()
        return {"result": "failed", "reason": f"{type(error).__name__}: {error}"}
    return {"result": "passed", "reason": ""}


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(number: int, frame: object) -> NoReturn:
        raise TimeoutError(f"not finished after {_SECONDS} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.alarm(_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def script_answer(answer: object) -> None:
    """Let the mock give this answer next: for a client that describes in prose what it wants."""
    body = json.dumps({"answer": answer, "times": 1}).encode()
    request = urllib.request.Request(f"{URL}/_mock/answers", body, method="POST")  # noqa: S310 - the mock's address
    urllib.request.urlopen(request).close()  # noqa: S310


def require_text(text: object) -> None:
    """That an answer has text."""
    assert isinstance(text, str), f"the answer is {text!r}"
    assert text.strip(), "the answer is empty"


def require_stream(pieces: list[str]) -> None:
    """That a stream came in several pieces with text."""
    assert len(pieces) > 1, f"the stream had {len(pieces)} pieces"
    require_text("".join(pieces))


def require_person(person: Any) -> None:
    """That an answer is a person: an object, or a dict, with a name and an age."""
    name, age = (person.get(key) if isinstance(person, dict) else getattr(person, key, None) for key in ("name", "age"))
    assert isinstance(name, str), f"the name is {name!r}"
    assert isinstance(age, int), f"the age is {age!r}"


def require_error(call: Callable[[], object]) -> None:
    """That the refusal of a model that does not exist is raised, and says why."""
    try:
        result = call()
    except Exception as error:
        causes = []
        cause: BaseException | None = error
        while cause is not None and cause not in causes:
            causes.append(cause)
            cause = cause.__cause__ or cause.__context__
        text = " ".join(f"{type(each).__name__} {each} {getattr(each, 'status_code', '')}" for each in causes)
        assert "404" in text or "NotFound" in text or UNKNOWN_MODEL in text, f"the error does not say why: {text}"
        return
    raise AssertionError(f"no error was raised; the result is {result!r}"[:300])


class Calls(list[str]):
    """The cities that a tool was called with."""

    def require(self) -> None:
        assert self, "the tool was not called"
        assert all(isinstance(city, str) and city for city in self), f"the tool was called with {list(self)}"
