"""Runs a mock inside a test process: a real server on a free port, in a daemon thread."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from os import PathLike
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import orjson

from aurous_mock.scripting import functions
from aurous_mock.scripting.cassettes import Cassette
from aurous_mock.scripting.scripts import check_script
from aurous_mock.server.serving import with_models
from aurous_mock.server.uvicorn_server import Server, address, bind
from aurous_mock.settings import DEFAULT_KEY, Settings

_TIMEOUT_SECONDS = 30
_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "a": re.ASCII}


class Mock:
    """A running mock, for tests."""

    def __init__(self, url: str, api_key: str, server: Server, admin_key: str | None = None) -> None:
        self.url = url
        self.api_key = api_key
        self.server = server
        self._functions: list[str] = []
        self._opener = build_opener(ProxyHandler({}))
        self._admin_headers = {} if admin_key is None else {"Aurous-Mock-Key": admin_key}

    def __repr__(self) -> str:
        return f"Mock({self.url!r})"

    def reset(self) -> None:
        """Delete every completion, key, charge, fault and scripted answer, and reset the clock."""
        self._call("POST", "reset", {})
        functions.remove(self._functions)
        self._functions = []

    def ledger(self) -> list[dict[str, Any]]:
        """Every charge so far, in order: `completion_id`, `credits_charged`, `idempotency_key` and more."""
        charges: list[dict[str, Any]] = self._call("GET", "ledger")["charges"]
        return charges

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward."""
        self._call("POST", "clock", {"advance": seconds})

    def fault(self, fault: str, *, method: str = "", path: str = "") -> None:
        """Inject `fault` into the next matching request; see `aurous_mock.http.faults`.

        Raises ValueError for what is no fault.
        """
        self._call("POST", "faults", {"fault": fault, "method": method, "path": path})

    def answer(self, answer: Any, *, when: Any = None, model: str | None = None, times: int | None = None) -> None:
        """Give this answer to every matching request, or to `times` of them; see `aurous.testing.AurousMock`."""
        source = {"function": self._register(answer)} if callable(answer) else {"answer": answer}
        self._script(source, when, model, times)

    def answers(self, *answers: Any, when: Any = None, model: str | None = None) -> None:
        """Give these answers to matching requests, one after the other, each once."""
        self._script({"answers": [*answers]}, when, model, None)

    def replay(self, path: str | PathLike[str]) -> None:
        """Answer from a cassette, which `aurous-mock --record` wrote, and refuse requests that it does not have."""
        self.answer(Cassette.load(path))

    def unused_answers(self) -> list[dict[str, Any]]:
        """The scripts of which an answer was not given: those without a limit that gave none, and those with answers
        left."""
        listed = self._call("GET", "answers")["answers"]
        return [each["script"] for each in listed if "times" in each["script"] or not each["given"]]

    def _script(self, source: dict[str, Any], when: Any, model: str | None, times: int | None) -> None:
        script = {**source, "model": model, "times": times}
        if isinstance(when, re.Pattern):
            flags = "".join(flag for flag, bit in _FLAGS.items() if when.flags & bit)
            script["when"] = {"pattern": f"(?{flags}){when.pattern}" if flags else when.pattern}
        elif callable(when):
            script["condition"] = self._register(when)
        elif when is not None:
            script["when"] = when
        check_script(script)
        self._call("POST", "answers", script)

    def _register(self, function: Callable[[Any], Any]) -> str:
        name = functions.register(function)
        self._functions.append(name)
        return name

    def _call(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else orjson.dumps(body)
        request = Request(f"{self.url}/_mock/{name}", data, self._admin_headers, method=method)  # noqa: S310 - our own http URL
        # Directly: a proxy that the machine is set to use cannot reach this machine's own loopback.
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                parsed: dict[str, Any] = orjson.loads(response.read())
                return parsed
        except HTTPError as error:
            with error:
                if error.code != HTTPStatus.BAD_REQUEST:
                    raise
                reason = orjson.loads(error.read())["error"]["message"]
            raise ValueError(reason) from None


@contextmanager
def running(**options: Any) -> Iterator[Mock]:
    """A mock with the given fields of `Settings`, which listens within a `with` block."""
    settings = with_models(Settings(**{"port": 0, "access_log": False, **options}))
    listener = bind(settings.host, settings.port)
    started = threading.Event()
    server = Server(settings, started.set)
    failure: list[BaseException] = []
    thread = threading.Thread(target=_run, args=(lambda: server.run([listener]), started, failure), daemon=True)
    thread.start()
    try:
        if not started.wait(_TIMEOUT_SECONDS) or failure:
            raise RuntimeError("the mock did not start") from (failure[0] if failure else None)
        yield Mock(address(listener), next(iter(settings.keys), DEFAULT_KEY), server, settings.admin_key)
    finally:
        server.should_exit = True
        thread.join(_TIMEOUT_SECONDS)
        listener.close()


def _run(serve: Callable[[], None], started: threading.Event, failure: list[BaseException]) -> None:
    try:
        serve()
    except BaseException as error:
        failure.append(error)
    finally:
        started.set()
