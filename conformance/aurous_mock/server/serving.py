"""Serves in this process, or with several workers."""

from aurous_mock.server.settings import Settings
from aurous_mock.server.uvicorn_server import address, bind, make_server, run
from aurous_mock.server.workers import Supervisor


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Prints one line on standard output when requests are accepted."""
    listener = bind(settings.host, settings.port)

    def announce() -> None:
        print(f"aurous-mock listening on {address(listener)}", flush=True)

    if settings.workers == 1:
        run(settings, listener, announce)
        return
    # Check the settings once here, instead of in every worker.
    make_server(settings, announce)
    Supervisor(settings, listener).run(announce)
