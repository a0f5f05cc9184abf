"""Puts one server together from its settings; owns no behaviour."""

from starlette.routing import Router

from aurous_mock import contract
from aurous_mock.admin import Admin
from aurous_mock.engines import Engine, Improviser
from aurous_mock.gateway import Gateway
from aurous_mock.limits import Limits
from aurous_mock.memory import MemoryStore
from aurous_mock.routes import Routes
from aurous_mock.service import Service
from aurous_mock.settings import Settings
from aurous_mock.store import Store


class Application:
    """An ASGI application and the parts that others need a hand on."""

    def __init__(self, settings: Settings) -> None:
        self.contracts = contract.load(settings.specs)
        self.service = Service(_store(settings), _engine(settings))
        limits = Limits(self.service.store, settings.requests_per_minute, settings.tokens_per_minute)
        routes = Routes(settings, self.service, limits).table() + Admin(self.service.store).table()
        self.asgi = Gateway(settings, self.contracts, self.service, limits, Router(routes, redirect_slashes=False))


def _store(settings: Settings) -> Store:
    if settings.state is None:
        return MemoryStore(settings.credits)
    # Imported here: SQLAlchemy takes longer to import than everything else, and most servers keep nothing.
    from aurous_mock.database import DatabaseStore

    return DatabaseStore(settings.state, settings.credits)


def _engine(settings: Settings) -> Engine:
    if settings.upstream is None:
        return Improviser(settings.seed)
    from aurous_mock.upstream import Upstream

    return Upstream(settings.upstream, settings.upstream_key, settings.upstream_model)
