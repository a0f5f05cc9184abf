"""Serves a variant on a real port, for the length of a block or of a process."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from aurous_mock.server.uvicorn_server import Server, address, bind
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM, Settings

from mutants.independent_variants import IndependentVariant
from mutants.proxy import Proxy, guarded
from mutants.registry import Behaviour, MockVariant, Variant

KEY = DEFAULT_KEY
OTHER_KEY = "al_live_" + "1" * 64
_TIMEOUT = 30


class MutantServer(Server):
    """The mock's own server with a variant in front."""

    def __init__(self, behaviour: Behaviour, settings: Settings, ready: Callable[[], None]) -> None:
        super().__init__(settings, ready)
        self.config.app = Proxy(self.application.asgi, behaviour, self.application.contracts.current.version)
        if type(behaviour).bytes is not Behaviour.bytes:
            self.config.http = _rewriting(cast("type[asyncio.Protocol]", self.config.http), behaviour.bytes)


@contextmanager
def running(variant: Variant) -> Iterator[str]:
    """The URL at which the variant is served while the block runs."""
    match variant:
        case IndependentVariant():
            with variant.running(KEY, OTHER_KEY) as url:
                yield url
        case MockVariant():
            with _running_mock(variant) as url:
                yield url
        case _:
            raise TypeError(f"no server is known for {variant!r}")


@contextmanager
def _running_mock(variant: MockVariant) -> Iterator[str]:
    behaviour = variant.make()
    settings = Settings(**_options(behaviour.settings))
    listener = bind(settings.host, settings.port)
    started = threading.Event()
    server = MutantServer(behaviour, settings, started.set)
    thread = threading.Thread(target=lambda: server.run([listener]), daemon=True)
    thread.start()
    try:
        if not started.wait(_TIMEOUT):
            raise RuntimeError(f"{variant.id} did not start")
        yield address(listener)
    finally:
        server.should_exit = True
        thread.join(_TIMEOUT)
        listener.close()


def _options(extra: Mapping[str, Any]) -> dict[str, Any]:
    keys = {KEY: DEFAULT_TEAM, OTHER_KEY: "team_other"}
    return {"port": 0, "access_log": False, "keys": keys, **extra}


class _RewritingTransport:
    """A transport that passes what is written through a variant first, and otherwise behaves as the one it wraps."""

    def __init__(self, transport: asyncio.BaseTransport, alter: Callable[[bytes], Iterable[bytes]]) -> None:
        self._transport: Any = transport
        self._alter = alter

    def write(self, data: bytes) -> None:
        for piece in guarded(lambda: [*self._alter(bytes(data))]) or [data]:
            self._transport.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _rewriting(protocol: type[asyncio.Protocol], alter: Callable[[bytes], Iterable[bytes]]) -> type[asyncio.Protocol]:
    class RewritingProtocol(protocol):  # type: ignore[valid-type,misc]
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(cast("asyncio.Transport", _RewritingTransport(transport, alter)))

    return RewritingProtocol
