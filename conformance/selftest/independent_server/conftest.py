"""A correct server, and a client of it, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from independent.server import DEFAULT_KEY, Server, build, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(build(pace=0, latency=0)) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"X-Api-Key": DEFAULT_KEY}, trust_env=False, verify=False) as client:
        yield client
