"""Starts the servers that the tests share: a mock, which is empty before each test, and PostgreSQL."""

from collections.abc import Iterator
from itertools import count

import httpx
import pytest
import sqlalchemy as sa
from aurous_mock.server.launcher import Mock, running
from aurous_mock.settings import DEFAULT_KEY, DEFAULT_TEAM
from mockkit import OTHER_KEY, connect
from testkit.postgres import running_postgres

DATABASES = count()


@pytest.fixture(scope="session")
def shared_mock() -> Iterator[Mock]:
    with running(keys={DEFAULT_KEY: DEFAULT_TEAM, OTHER_KEY: "team_other"}, keep_alive=0.05) as mock:
        yield mock


@pytest.fixture
def mock(shared_mock: Mock) -> Mock:
    """A mock that remembers nothing yet."""
    shared_mock.reset()
    return shared_mock


@pytest.fixture(scope="session")
def shared_client(shared_mock: Mock) -> Iterator[httpx.Client]:
    with connect(shared_mock) as client:
        yield client


@pytest.fixture
def client(mock: Mock, shared_client: httpx.Client) -> httpx.Client:
    """A client of the emptied mock. One for all tests: making its TLS context takes longer than most of them."""
    return shared_client


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_postgres() as url:
        yield url


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The URL of an empty database."""
    name = f"test_{next(DATABASES)}"
    engine = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return sa.make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
