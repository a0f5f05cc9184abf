"""Who may use the admin endpoints under /_mock/ and inject faults."""

from collections.abc import Iterator

import pytest
from aurous_mock.http.admin_access import is_loopback, may_use_admin
from aurous_mock.server.cli import read
from aurous_mock.server.launcher import Mock, running
from aurous_mock.settings import Settings
from mockkit import CREATE, chat, connect, failing, http

KEY = "an-admin-key"
ENDPOINTS = [("GET", "ledger"), ("POST", "reset"), ("POST", "clock"), ("POST", "faults")]


@pytest.fixture(scope="module")
def engine() -> Iterator[Mock]:
    with running() as mock:
        yield mock


@pytest.fixture(scope="module")
def gateway(engine: Mock) -> Iterator[Mock]:
    """A mock in front of an upstream server, without an admin key."""
    with running(upstream=engine.url + "/v1", upstream_key=engine.api_key) as mock:
        yield mock


@pytest.mark.parametrize(("method", "name"), ENDPOINTS)
def test_gateway_has_no_admin_endpoints(gateway: Mock, method: str, name: str) -> None:
    assert http.request(method, f"{gateway.url}/_mock/{name}").status_code == 404


def test_gateway_ignores_the_fault_header_and_charges_the_answer(gateway: Mock) -> None:
    with connect(gateway) as client:
        before = client.get("/v1/balance").json()["credits"]
        headers = {"Aurous-Mock-Fault": "status=503; when=after"}
        answer = client.post(CREATE, json=chat(), headers=headers)
        assert answer.status_code == 200
        charged = answer.json()["usage"]["credits_charged"]
        assert charged > 0
        assert client.get("/v1/balance").json()["credits"] == pytest.approx(before - charged)


def test_admin_key_opens_the_endpoints_and_faults_of_a_gateway(engine: Mock) -> None:
    with running(upstream=engine.url + "/v1", upstream_key=engine.api_key, admin_key=KEY) as mock:
        assert http.get(f"{mock.url}/_mock/ledger").status_code == 404
        assert http.get(f"{mock.url}/_mock/ledger", headers={"Aurous-Mock-Key": "another"}).status_code == 404
        assert http.get(f"{mock.url}/_mock/ledger", headers={"Aurous-Mock-Key": KEY}).status_code == 200
        with connect(mock) as client:
            fault = {"Aurous-Mock-Fault": "status=503"}
            assert client.get("/v1/models", headers=fault).status_code == 200
            assert client.get("/v1/models", headers={**fault, "Aurous-Mock-Key": KEY}).status_code == 503


def test_empty_admin_key_is_none_and_opens_nothing(engine: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(upstream=engine.url + "/v1", upstream_key=engine.api_key, admin_key="") as mock:
        assert http.get(f"{mock.url}/_mock/ledger").status_code == 404
        with connect(mock) as client:
            assert client.get("/v1/models", headers={"Aurous-Mock-Fault": "status=503"}).status_code == 200
    monkeypatch.setenv("AUROUS_MOCK_ADMIN_KEY", "")
    assert read([]).admin_key is None


@pytest.mark.parametrize("variable", ["AUROUS_MOCK_ADMIN_KEY", "AUROUS_MOCK_API_KEY"])
def test_key_of_the_environment_that_no_header_can_carry_is_refused(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "from-a-file\n")
    assert f"{variable}: a key is printable ASCII" in failing(capsys)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://attacker.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Referer": "https://attacker.example/"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "garbage"},
        {"Forwarded": "for=127.0.0.1"},
        {"Host": "attacker.example"},
        {"Host": "127.0.0.1.attacker.example:80"},
    ],
    ids=str,
)
def test_browsers_proxies_and_foreign_names_are_refused(mock: Mock, headers: dict[str, str]) -> None:
    assert http.post(f"{mock.url}/_mock/reset", json={}, headers=headers).status_code == 404


@pytest.mark.parametrize("host", ["localhost:80", "127.0.0.1", "[::1]:80", "[::1]"])
def test_names_of_this_machine_are_accepted(host: str) -> None:
    assert may_use_admin({"client": ("127.0.0.1", 1)}, {"host": host}, Settings())


def test_connection_from_another_machine_or_of_unknown_address_is_refused() -> None:
    for client in (("192.0.2.1", 1), ("2001:db8::1", 1), ("garbage", 1), None):
        assert not may_use_admin({"client": client}, {"host": "localhost"}, Settings())


def test_loopback_addresses_are_this_machine() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("192.0.2.1")
    assert not is_loopback("garbage")
