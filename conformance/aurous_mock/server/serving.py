"""Serves in this process, or with several workers."""

import os
import signal
import sys
import threading
from contextlib import suppress

from aurous_mock.log import write_line
from aurous_mock.server.uvicorn_server import address, bind, make_server, run
from aurous_mock.server.workers import Supervisor
from aurous_mock.settings import DEFAULT_KEY, Settings


def with_models(settings: Settings) -> Settings:
    """The settings with the models of the upstream server, if there is one."""
    if settings.upstream is None:
        return settings
    # Imported here: few servers need it.
    from aurous_mock.upstream import models

    return models.with_models(settings)


def introduction(settings: Settings, url: str) -> list[str]:
    """What the server prints when it accepts requests: its address first, then how to use it."""
    keys = [DEFAULT_KEY] if DEFAULT_KEY in settings.keys else []
    if len(settings.keys) > len(keys):
        keys.append("one of --api-key or --team-key")
    return [
        f"aurous-mock listening on {url}",
        f"  base URL  {url} for aurous, {url}/v1 for OpenAI's clients",
        f"  API key   {', or '.join(keys)}",
        "  help      aurous-mock --help: faults, scripted answers, state; https://docs.aurous-labs.com: the API",
    ]


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Prints the introduction on standard output when requests are accepted."""
    if settings.exit_on_eof:
        threading.Thread(target=_exit_on_eof, daemon=True).start()
    settings = with_models(settings)
    listener = bind(settings.host, settings.port)

    def announce() -> None:
        url = address(listener)
        try:
            print("\n".join(introduction(settings, url)), flush=True)
        except OSError as error:
            write_line(f"aurous-mock: cannot write to standard output ({error.strerror}); listening on {url}")
            # What could not be written is still in its buffer, and would fail again at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    if settings.workers == 1:
        run(settings, listener, announce)
        return
    # Check the settings once here, instead of in every worker.
    make_server(settings, announce)
    Supervisor(settings, listener).run(announce)


def _exit_on_eof() -> None:
    """End this process as SIGTERM does when its standard input ends, or cannot be read."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
