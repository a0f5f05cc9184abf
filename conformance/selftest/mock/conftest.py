"""Starts the mocks that the tests share, and empties them before each test."""

from collections.abc import Iterator

import httpx
import pytest
from aurous_mock.server.launcher import Mock, running
from aurous_mock.server.settings import DEFAULT_KEY, DEFAULT_TEAM
from mockkit import OTHER_KEY, connect


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
