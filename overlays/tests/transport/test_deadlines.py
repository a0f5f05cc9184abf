"""How long a connection may keep its reader waiting, and when that is asked."""

from __future__ import annotations

import time as real_time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import pytest
from aurous._config.secret import Secret
from aurous.transport.effects import SendRequest
from aurous.transport.httpx_deadlines import DEADLINE, VariableTimeout, enforce_deadline
from aurous.transport.sync import SyncTransport
from testkit.raw_server import RawServer, raw
from testkit.responses import KEY
from testkit.streams import in_pieces


def test_deadline_bounds_reads_of_its_thread_within_the_block() -> None:
    assert DEADLINE.limit(5.0) == 5.0
    assert DEADLINE.limit(None) is None
    with DEADLINE.until(real_time.monotonic() + 60):
        assert 0 < (DEADLINE.limit(90.0) or 0) <= 60
        assert 0 < (DEADLINE.limit(None) or 0) <= 60
        with DEADLINE.until(0), pytest.raises(TimeoutError):
            DEADLINE.limit(5.0)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(DEADLINE.limit, 5.0).result() == 5.0
    assert DEADLINE.limit(5.0) == 5.0


def test_connection_is_patched_once() -> None:
    class Stream:
        def read(self, size: int, timeout: float | None = None) -> float | None:
            return timeout

        def write(self, data: bytes, timeout: float | None = None) -> None: ...

    stream = Stream()
    assert enforce_deadline(stream)
    read = stream.read
    assert enforce_deadline(stream)
    assert stream.read is read
    assert stream.read(1, 60.0) == 60.0
    with DEADLINE.until(0):
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(1, 60.0)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(b"data", 60.0)


def test_wait_is_bounded_by_the_remaining_seconds() -> None:
    timeout = VariableTimeout()
    assert DEADLINE.limit(timeout) is None
    timeout.remaining = iter([3.0, 2.0, -1.0, 9.0]).__next__
    assert [DEADLINE.limit(timeout) for _ in range(3)] == [3.0, 2.0, 0.001]
    timeout.remaining = lambda: 90.0
    with DEADLINE.until(real_time.monotonic() + 60):
        assert 0 < (DEADLINE.limit(timeout) or 0) <= 60


def test_buffered_data_is_read_without_a_deadline(wire: RawServer) -> None:
    many = [b"data: {}\n\n"] * 50
    wire.plays(raw(in_pieces(*many)))
    readings = list[float]()

    def remaining() -> float:
        readings.append(real_time.monotonic())
        return 5.0

    seconds = {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0, "total": 5.0}
    send = SendRequest("GET", wire.url, (), {}, Secret(KEY), None, **seconds, streams=True)
    transport = SyncTransport()
    body: Any = transport.send(send).body  # type: ignore[union-attr]
    assert [*iter(lambda: body.read(remaining), None)] == many
    assert len(readings) < 10
    body.close()
    transport.close()


def test_streams_without_a_socket_are_left_unchanged() -> None:
    assert not enforce_deadline(None)
