"""Runs a mock inside a test process: a real server on a free port, in a daemon thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import orjson

from aurous_mock.server.serving import with_models
from aurous_mock.server.settings import DEFAULT_KEY, Settings
from aurous_mock.server.uvicorn_server import Server, address, bind

_TIMEOUT_SECONDS = 30


class Mock:
    """A running mock, for tests."""

    def __init__(self, url: str, api_key: str, server: Server, admin_key: str | None = None) -> None:
        self.url = url
        self.api_key = api_key
        self.server = server
        self._admin_headers = {} if admin_key is None else {"Aurous-Mock-Key": admin_key}

    def __repr__(self) -> str:
        return f"Mock({self.url!r})"

    def reset(self) -> None:
        """Delete every completion, key, charge and fault, and reset the clock."""
        self._call("POST", "reset", {})

    def ledger(self) -> list[dict[str, Any]]:
        """Every charge so far, in order: `completion_id`, `credits_charged`, `idempotency_key` and more."""
        charges: list[dict[str, Any]] = self._call("GET", "ledger")["charges"]
        return charges

    def advance(self, seconds: float) -> None:
        """Move the server's clock forward."""
        self._call("POST", "clock", {"advance": seconds})

    def fault(self, fault: str, *, method: str = "", path: str = "") -> None:
        """Inject `fault` into the next matching request; see `aurous_mock.http.faults`."""
        self._call("POST", "faults", {"fault": fault, "method": method, "path": path})

    def _call(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if body is None else orjson.dumps(body)
        request = Request(f"{self.url}/_mock/{name}", data, self._admin_headers, method=method)  # noqa: S310 - our own http URL
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as response:  # noqa: S310
            parsed: dict[str, Any] = orjson.loads(response.read())
            return parsed


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
