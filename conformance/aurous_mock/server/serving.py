"""Serves in this process, or with several workers."""

from aurous_mock.server.uvicorn_server import address, bind, make_server, run
from aurous_mock.server.workers import Supervisor
from aurous_mock.settings import Settings


def with_models(settings: Settings) -> Settings:
    """The settings with the models of the upstream server, if there is one."""
    if settings.upstream is None:
        return settings
    # Imported here: few servers need it.
    from aurous_mock.upstream import models

    return models.with_models(settings)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Prints one line on standard output when requests are accepted."""
    settings = with_models(settings)
    listener = bind(settings.host, settings.port)

    def announce() -> None:
        print(f"aurous-mock listening on {address(listener)}", flush=True)

    if settings.workers == 1:
        run(settings, listener, announce)
        return
    # Check the settings once here, instead of in every worker.
    make_server(settings, announce)
    Supervisor(settings, listener).run(announce)
