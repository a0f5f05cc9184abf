"""A client whose every call is charged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aurous
import pytest
from testkit.raw_server import RawServer
from testkit.responses import KEY, answer, completion


@pytest.fixture
def client(wire: RawServer) -> Iterator[aurous.Aurous]:
    numbers = iter(range(10**6))

    def act(connection: Any) -> bool:
        record = {**completion(), "id": f"cmp_{next(numbers)}"}
        return answer(200, record)(connection)

    wire.plays(act)
    with aurous.Aurous(KEY, base_url=wire.url) as client:
        yield client
