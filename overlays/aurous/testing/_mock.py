"""The mock server as tests see it, and `running`, which starts one for the length of a block."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from re import Pattern
from typing import Any, Protocol, TypeAlias

from ._active import active_mocks

Answer: TypeAlias = "str | Mapping[str, Any] | Sequence[Mapping[str, Any]]"
"""Text; a tool call, or a list of them; or members of a message: `content` or `json`, `tool_calls`, `finish_reason`."""
Request: TypeAlias = "dict[str, Any]"
"""The body of a request, as JSON has it."""
Condition: TypeAlias = (
    "str | Pattern[str] | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] | Callable[[Request], object]"
)


class AurousMock(Protocol):
    """What the fixture `aurous_mock` gives: a server of the test's own, without completions, charges or faults."""

    url: str
    """Its address, for `Aurous(base_url=...)`. In AUROUS_BASE_URL for the length of the test."""

    api_key: str
    """A key that it accepts. In AUROUS_API_KEY for the length of the test."""

    def answer(
        self,
        answer: Answer | Callable[[Request], Answer],
        *,
        when: Condition | None = None,
        model: str | None = None,
        times: int | None = None,
    ) -> None:
        """Give this answer to every matching request, streamed or not; or to `times` of them.

        answer: text, a tool call, members of a message, or a function of the request's body that returns one of these
        when:   text that the last message contains, a pattern that matches in it, members that it has, a list of these
                for the last messages, or a function of the request's body. Left out: every request
        model:  only requests for this model

            aurous_mock.answer("Spam.")
            aurous_mock.answer(tool_call("get_weather", city="Oslo"), when="weather")
            aurous_mock.answer("It is cold.", when={"role": "tool"})
            aurous_mock.answer({"json": {"name": "Ada", "age": 36}}, when=re.compile("a person", re.IGNORECASE))
            aurous_mock.answer(lambda request: request["messages"][-1]["content"].upper(), times=2)

        Answers with a limit come first, in the order of the calls; of those without one, the newest comes first. The
        fake model answers requests that none of them matches. `max_tokens` and `stop` cut scripted answers as any
        others. An error of a function is a 400 with its message. Nothing bounds the time of a pattern: one that
        backtracks without end, as `(a+)+b` does in a long row of `a`, keeps the mock from all other requests meanwhile.
        """
        ...

    def answers(self, *answers: Answer, when: Condition | None = None, model: str | None = None) -> None:
        """Give these answers to matching requests, one after the other, each once.

        aurous_mock.answers(tool_call("get_weather", city="Oslo"), "It is cold in Oslo.")
        """
        ...

    def unused_answers(self) -> list[dict[str, Any]]:
        """The scripted answers that no request has received, those left of a sequence included."""
        ...

    def replay(self, path: str | os.PathLike[str]) -> None:
        """Answer from a cassette, a file that `aurous-mock --upstream URL --record FILE` wrote; refuse what it does not
        have, with a 400."""
        ...

    def ledger(self) -> list[dict[str, Any]]:
        """Every charge so far, in order: `completion_id`, `credits_charged`, `idempotency_key` and more."""
        ...

    def fault(self, fault: str, *, method: str = "", path: str = "") -> None:
        """Let the next request fail as `fault` says, once unless it has `times=N`; `aurous-mock --help` lists faults.

        method, path: only a request of this method, and one whose path begins so

            aurous_mock.fault("code=provider_rate_limited; retry-after=1; times=2")
            aurous_mock.fault("reset=after", method="POST", path="/v1/chat/completions")
            aurous_mock.fault("truncate=3")  # cut the stream after three frames
        """
        ...

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward, for example past the 24 hours of an idempotency key, without waiting."""
        ...

    def reset(self) -> None:
        """Forget everything, as is done before each test."""
        ...


def tool_call(name: str, /, **arguments: Any) -> dict[str, Any]:
    """A call of a function with these arguments, as an answer; a list of them is an answer with several calls."""
    return {"name": name, "arguments": arguments}


@contextmanager
def running(**settings: Any) -> Iterator[AurousMock]:
    """A mock server for the length of a block, on a port of its own, which all clients of this process call meanwhile.

    settings: fields of `aurous_mock.settings.Settings`, such as `seed`, or `credits` in micro-credits

    Clients are sent there as by the fixture `aurous_mock`: those made before, too, unless `base_url` names another
    server on this machine. Blocks that are entered inside one another, or by several threads, have a server each; of
    the clients that name none, all call the server that was started last. Needs `pip install 'aurous-labs[mock]'`.
    """
    try:
        from aurous_mock.server.launcher import running as serving
    except ModuleNotFoundError as error:
        message = f'the mock server needs an extra: {error.name} is not installed: pip install "aurous-labs[mock]"'
        raise ImportError(message, name=error.name) from error

    with serving(**settings) as mock, active_mocks.entered(mock, in_environment=True):
        yield mock
