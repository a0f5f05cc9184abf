"""The raw server plays its actions, records requests, and lets go of its connections."""

from __future__ import annotations

import pytest
from testkit.raw_server import Connection, Ending, raw, run_raw_server
from testkit.responses import response
from testkit.sockets import connect

REQUEST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
TIMEOUT = 10.0


def test_raw_server_records_requests_and_closes_connections_at_its_end() -> None:
    with run_raw_server(lambda connection: connection.send(response(200, b"hello")) is None) as server:
        client = connect(server.url, TIMEOUT)
        client.sendall(REQUEST)
        assert client.recv(1000).endswith(b"\r\n\r\nhello")
    with client:
        assert client.recv(1000) == b""
    [request] = server.requests
    assert (request.line, request.header("content-length"), request.body) == ("POST / HTTP/1.1", "2", b"hi")
    assert server.connections == 1


def test_last_action_answers_all_further_requests() -> None:
    actions = raw(b"one", then="keep"), raw(b"two", then="keep")
    with run_raw_server(*actions) as server, connect(server.url, TIMEOUT) as client:
        received = []
        for _ in range(3):
            client.sendall(REQUEST)
            received.append(client.recv(1000))
    assert received == [b"one", b"two", b"two"]


@pytest.mark.parametrize(("ending", "error"), [("close", None), ("reset", ConnectionResetError)])
def test_response_ends_as_scripted(ending: Ending, error: type[Exception] | None) -> None:
    with run_raw_server(raw(b"", then=ending)) as server, connect(server.url, TIMEOUT) as client:
        client.sendall(REQUEST)
        if error is None:
            assert client.recv(1000) == b""
        else:
            with pytest.raises(error):
                client.recv(1000)


def test_stalled_response_ends_when_the_client_closes() -> None:
    ended = []

    def stall(connection: Connection) -> bool:
        raw(b"", then="stall")(connection)
        ended.append(connection.over.is_set())
        return False

    with run_raw_server(stall) as server:
        with connect(server.url, TIMEOUT) as client:
            client.sendall(REQUEST)
            while not server.requests:
                pass
        while not ended:
            pass
    assert ended == [False]
