"""Builds the ASGI application and its parts from settings."""

from collections.abc import Callable
from pathlib import Path

from starlette.routing import Router

from aurous_mock.completions.concurrency import ConcurrencyLimit
from aurous_mock.completions.service import Service
from aurous_mock.contract import spec
from aurous_mock.errors import SettingsError
from aurous_mock.generation.engine import Engine
from aurous_mock.generation.fake_model import FakeModel
from aurous_mock.http.admin import Admin
from aurous_mock.http.cors import with_cors
from aurous_mock.http.dispatcher import Dispatcher
from aurous_mock.http.middleware import APIMiddleware
from aurous_mock.http.rate_limits import Limits
from aurous_mock.http.routes import Routes
from aurous_mock.http.spec_responses import SpecResponses
from aurous_mock.scripting.cassettes import Cassette, CassetteError, RecordingEngine, ReplayEngine
from aurous_mock.scripting.engine import ScriptedEngine
from aurous_mock.settings import Settings
from aurous_mock.storage.memory_store import MemoryStore
from aurous_mock.storage.retention import IN_DATABASE, IN_MEMORY
from aurous_mock.storage.store import Store


class Application:
    """The ASGI application, its contracts and its service.

    store, engine: in place of those that the settings name
    """

    def __init__(self, settings: Settings, *, store: Store | None = None, engine: Engine | None = None) -> None:
        self.contracts = spec.load(settings.specs)
        store = store or _store(settings)
        engine = ScriptedEngine(engine or _engine(settings), store)
        self.service = Service(store, engine, ConcurrencyLimit(concurrency(settings)))
        limits = Limits(self.service.store, settings.requests_per_minute, settings.tokens_per_minute)
        handlers = Routes(settings, self.service, limits).handlers()
        dispatcher = Dispatcher(handlers, self.service, limits, SpecResponses(settings.seed))
        admin = Admin(self.service.store, self.contracts, self.service.metrics)
        admin_router = Router(admin.table(), redirect_slashes=False)
        middleware = APIMiddleware(settings, self.contracts, self.service, limits, dispatcher, admin_router)
        self.asgi = with_cors(middleware, settings.cors)


def _store(settings: Settings) -> Store:
    if settings.state is None:
        return MemoryStore(settings.credits, settings.retention or IN_MEMORY)
    # Imported here: SQLAlchemy takes longest to import, and few servers need it.
    from aurous_mock.storage.database_store import DatabaseStore

    return DatabaseStore(settings.state, settings.credits, settings.durability, settings.retention or IN_DATABASE)


def concurrency(settings: Settings) -> int | None:
    """Completions of one team at a time: by default its share of the connections to the upstream server."""
    if settings.max_concurrent is not None or settings.upstream is None:
        return settings.max_concurrent
    from aurous_mock.upstream.client import MAX_CONNECTIONS

    return max(1, MAX_CONNECTIONS // len(set(settings.keys.values())))


def _engine(settings: Settings) -> Engine:
    if settings.replay:
        return ReplayEngine([_cassette(Cassette.load, path) for path in settings.replay])
    if settings.upstream is None:
        return FakeModel(settings.seed)
    from aurous_mock.upstream.client import Upstream
    from aurous_mock.upstream.dialect import Dialect

    upstream = Upstream(
        settings.upstream,
        settings.upstream_key,
        timeout=settings.upstream_timeout,
        dialect=Dialect(settings.upstream_dialect),
    )
    if settings.record is None:
        return upstream
    cassette = _cassette(Cassette.open_for_recording, settings.record)
    secrets = [*settings.keys, *filter(None, [settings.upstream_key, settings.admin_key])]
    return RecordingEngine(upstream, cassette, secrets)


def _cassette(opened: Callable[[Path], Cassette], path: Path) -> Cassette:
    try:
        return opened(path)
    except CassetteError as error:
        raise SettingsError(str(error)) from error
