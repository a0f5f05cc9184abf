"""Putting the server together: keys, faults, variations, and a listener in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .accounts import DEFAULT_CREDITS, ApiKey
from .application import Application
from .changes import Change
from .clock import Clock
from .http_listener import Listener

DEFAULT_KEY = "al_live_" + "1" * 64
DEFAULT_OTHER_KEY = "al_live_" + "2" * 64


@dataclass
class Server:
    """A running server: its address, and the application for tests that look inside."""

    url: str
    application: Application


def build(
    changes: Iterable[Change] = (),
    *,
    api_key: str = DEFAULT_KEY,
    other_api_key: str = DEFAULT_OTHER_KEY,
    credits: int = DEFAULT_CREDITS,
    pace: float = 0.005,
    latency: float = 0.02,
    clock: Clock | None = None,
) -> Application:
    """Return an application with two teams, a key for each, and the changes applied."""
    application = Application(pace=pace, latency=latency, clock=clock or Clock())
    for name, key in (("first", api_key), ("second", other_api_key)):
        application.keys.keys[key] = ApiKey(application.add_team(name, credits))
    for change in changes:
        change.apply(application)
    return application


@contextlib.contextmanager
def serving(application: Application | None = None, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[Server]:
    """Serve an application, a correct one by default, on a free port until the block ends."""
    application = application or build()
    listener = Listener(application, host, port)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://{host}:{listener.server_address[1]}", application)
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
