"""Upstream servers that hang, break off or redirect, and a gateway that is killed: everything ends, and says why."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aurous_mock.upstream.client import Upstream
from gatewaykit import ADMIN_KEY, HEAD, MODELS, STOP, Gateway, chunk, completion, event, run_gateway, sends, stalls
from mockkit import CREATE, VERSION, chat, content_of, error_of, first_id
from testkit.conditions import PATIENCE, eventually
from testkit.mock_process import MockProcess
from testkit.raw_server import Action, Connection, raw, run_raw_server
from testkit.responses import KEY, answer, chunked
from testkit.sockets import connect

TIMEOUT = 0.2


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with run_gateway(upstream_timeout=TIMEOUT) as gateway:
        yield gateway


def drips(connection: Connection) -> bool:
    """Comments without end, which are no frames."""
    connection.send(HEAD + chunked(event(chunk({"content": "Hi"})), ends=False))
    while not connection.over.wait(0.01):
        try:
            connection.socket.sendall(chunked(b": still there\n\n", ends=False))
        except OSError:
            return False
    return False


@pytest.mark.parametrize(
    "action",
    [
        raw(b"", then="stall"),
        raw(b"HTTP/1.1 200 OK\r\n", then="stall"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", then="stall"),
    ],
    ids=["nothing", "half-a-head", "half-a-body"],
)
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_server_that_hangs_is_given_up_with_a_status(gateway: Gateway, action: Action, streamed: bool) -> None:
    refused = gateway.call(action, stream=streamed)
    assert (refused.status_code, error_of(refused)["code"]) == (504, "provider_timeout")
    assert "0.2 seconds" in error_of(refused)["message"]
    assert gateway.holds_nothing()


@pytest.mark.parametrize("action", [stalls(chunk({"content": "Hi"})), drips], ids=["silent", "comments"])
def test_stream_that_hangs_between_frames_ends_with_an_error_frame(gateway: Gateway, action: Action) -> None:
    *chunks, last = gateway.stream(action)
    assert content_of(chunks) == "Hi"
    assert last["error"]["code"] == "provider_timeout"
    assert gateway.holds_nothing()
    assert gateway.mock.ledger() == []


def test_stream_begins_when_the_server_has_accepted_and_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first part is waited for, but not for as long as a slow model may take."""
    monkeypatch.setitem(Upstream.__init__.__kwdefaults__, "first_part_seconds", 0.01)
    with run_gateway() as gateway:
        gateway.plays(stalls())
        with gateway.client.stream("POST", CREATE, json=chat(stream=True)) as response:
            assert response.status_code == 200
            assert first_id(response.iter_lines()).startswith("cmp_")


@pytest.mark.parametrize(
    "action", [raw(b""), raw(b"", then="reset"), raw(b"nonsense\r\n\r\n")], ids=["fin", "rst", "text"]
)
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_connection_that_breaks_is_an_unavailable_provider(gateway: Gateway, action: Action, streamed: bool) -> None:
    refused = gateway.call(action, stream=streamed)
    assert (refused.status_code, error_of(refused)["code"]) == (502, "chat_provider_unavailable")
    assert gateway.holds_nothing()


RUNNING_STREAMS = 'aurous_mock_completions_in_progress{streamed="true"}'


def test_client_that_leaves_before_the_head_ends_the_completion() -> None:
    with run_gateway() as gateway:
        gateway.plays(raw(b"", then="stall"))
        with pytest.raises(httpx.ReadTimeout):
            gateway.client.post(CREATE, json=chat(stream=True), timeout=0.3)
        assert eventually(gateway.holds_nothing)
        assert eventually(lambda: RUNNING_STREAMS + " 0.0" in gateway.metrics())


def test_encoded_answer_is_refused(gateway: Gateway) -> None:
    refused = gateway.call(answer(200, b"\x1f\x8b", headers={"Content-Encoding": "gzip"}))
    assert "an encoded body" in error_of(refused)["message"]


def test_key_is_free_after_a_failure_and_replays_after_a_success(gateway: Gateway) -> None:
    def post() -> httpx.Response:
        return gateway.client.post(CREATE, json=chat(), headers={"Idempotency-Key": "k"})

    gateway.plays(
        answer(200, b'{"choices": [{"message": {"content": 7}}]}'), answer(200, completion({"content": "Hi"}))
    )
    assert post().status_code == 502
    first, second = post(), post()
    assert first.content == second.content
    assert second.headers["aurous-idempotent-replayed"] == "true"


@pytest.mark.slow
@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_gateway_that_is_killed_releases_everything_after_its_restart(tmp_path: Path, streamed: bool) -> None:
    with run_raw_server(MODELS) as server:
        state = str(tmp_path / "state.db")
        flags = ["--upstream", f"{server.url}/v1", "--api-key", KEY, "--state", state, "--admin-key", ADMIN_KEY]
        with (
            MockProcess(*flags) as gateway,
            httpx.Client(
                base_url=gateway.url, headers={"X-Api-Key": KEY, "Aurous-Version": VERSION}, verify=False
            ) as client,
        ):

            def held_credits() -> float:
                return float(client.get("/v1/balance").json()["held_credits"])

            server.plays(stalls(chunk({"content": "Hi"})))
            body = {**chat(stream=streamed), "model": "llama"}
            content = json.dumps(body).encode()
            fields = f"Host: x\r\nX-Api-Key: {KEY}\r\nIdempotency-Key: k\r\nContent-Type: application/json"
            head = f"POST {CREATE} HTTP/1.1\r\n{fields}\r\nContent-Length: {len(content)}\r\n\r\n"
            with connect(gateway.url, PATIENCE) as connection:
                connection.sendall(head.encode() + content)
                assert eventually(lambda: len(server.requests) == 2)
                assert held_credits() > 0
                server.plays(MODELS)
                gateway.restart()
            server.plays(sends(chunk({"content": "Again"}), STOP))
            assert eventually(lambda: held_credits() == 0)
            again = client.post(CREATE, json={**body, "stream": False}, headers={"Idempotency-Key": "k"})
            assert again.json()["choices"][0]["message"]["content"] == "Again"
