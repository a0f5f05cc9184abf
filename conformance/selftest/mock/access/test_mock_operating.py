"""What whoever runs a mock or gateway asks of it: health, metrics for Prometheus, and requests of pages in browsers."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aurous_mock.server.launcher import Mock, running
from mockkit import CREATE, chat, connect, frames, http
from prometheus_client.parser import text_string_to_metric_families
from testkit.mock_process import MockProcess

ORIGIN = "http://localhost:3000"
ADMIN_KEY = "an-admin-key"


@pytest.fixture(scope="module")
def engine() -> Iterator[Mock]:
    with running() as mock:
        yield mock


@pytest.fixture(scope="module")
def page_mock() -> Iterator[Mock]:
    with running(cors=(ORIGIN,)) as mock:
        yield mock


def metrics_of(url: str, **headers: str) -> dict[tuple[str, str], float]:
    """Each value by its name and labels."""
    response = http.get(f"{url}/metrics", headers=headers)
    assert response.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(response.text)
    samples = [sample for family in families for sample in family.samples]
    return {(each.name, ",".join(f"{k}={v}" for k, v in sorted(each.labels.items()))): each.value for each in samples}


def test_health_needs_no_key(mock: Mock) -> None:
    for method in ("GET", "HEAD"):
        assert http.request(method, f"{mock.url}/healthz").status_code == 200
    assert http.get(f"{mock.url}/healthz").json() == {"status": "ok"}
    assert http.post(f"{mock.url}/healthz").status_code == 401


def test_health_of_a_gateway_does_not_ask_the_upstream_server(engine: Mock) -> None:
    with running(upstream=engine.url + "/v1", upstream_key=engine.api_key) as gateway:
        before = metrics_of(engine.url)
        assert http.get(f"{gateway.url}/healthz").status_code == 200
        name = ("aurous_mock_requests_total", "operation=GET /v1/models,status=200")
        assert metrics_of(engine.url)[name] == before[name]


def test_health_fails_while_the_state_is_unavailable(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    with running(state=str(state)) as mock:
        assert http.get(f"{mock.url}/healthz").status_code == 200
        store = mock.server.application.service.store

        async def fails(team: str, key: str) -> None:
            from aurous_mock.storage.store import StoreUnavailable

            raise StoreUnavailable("away")

        store.key = fails  # type: ignore[method-assign, assignment]
        response = http.get(f"{mock.url}/healthz")
        assert (response.status_code, response.json()) == (503, {"status": "unavailable"})


def test_preflight_of_an_allowed_origin_succeeds_without_a_key(page_mock: Mock) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, content-type, idempotency-key",
    }
    response = http.options(page_mock.url + CREATE, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "x-api-key" in response.headers["access-control-allow-headers"].lower()
    other = http.options(page_mock.url + CREATE, headers={**headers, "Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_page_may_read_the_response_and_its_headers(page_mock: Mock, streamed: bool) -> None:
    with connect(page_mock) as client:
        response = client.post(CREATE, json=chat(stream=streamed), headers={"Origin": ORIGIN})
        refused = client.post(CREATE, json={}, headers={"Origin": ORIGIN})
    for each in (response, refused):
        assert each.headers["access-control-allow-origin"] == ORIGIN
        assert "Aurous-Request-Id" in each.headers["access-control-expose-headers"]
    assert response.status_code == 200


def test_page_may_not_use_the_admin_endpoints(page_mock: Mock) -> None:
    for path in ("/metrics", "/_mock/ledger"):
        assert http.get(page_mock.url + path, headers={"Origin": ORIGIN}).status_code == 404


def test_pages_are_not_allowed_unless_asked_for(mock: Mock) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    response = http.options(mock.url + CREATE, headers=headers)
    assert response.status_code == 401
    assert "access-control-allow-origin" not in response.headers


def test_metrics_count_what_happened() -> None:
    with running() as mock, connect(mock) as client:
        body = client.post(CREATE, json=chat(), headers={"Idempotency-Key": "k"}).json()
        client.post(CREATE, json=chat(), headers={"Idempotency-Key": "k"})
        usage = frames(client.post(CREATE, json=chat(stream=True)).text)[-1]["usage"]
        client.post(CREATE, json=chat(), headers={"Aurous-Mock-Fault": "code=chat_provider_unavailable"})
        client.get(f"/v1/made/up/{body['id']}")
        metrics = metrics_of(mock.url)
    model = body["model"]
    assert metrics["aurous_mock_completions_total", f"model={model},status=completed,streamed=false"] == 1
    assert metrics["aurous_mock_completions_total", f"model={model},status=completed,streamed=true"] == 1
    assert metrics["aurous_mock_completions_total", f"model={model},status=failed,streamed=false"] == 1
    assert metrics["aurous_mock_upstream_errors_total", "code=chat_provider_unavailable"] == 1
    assert metrics["aurous_mock_tokens_total", f"kind=prompt,model={model}"] == 2 * usage["prompt_tokens"]
    charged = body["usage"]["credits_charged"] + usage["credits_charged"]
    assert metrics["aurous_mock_credits_total", f"model={model}"] == pytest.approx(charged)
    assert metrics["aurous_mock_completions_in_progress", "streamed=true"] == 0
    assert metrics["aurous_mock_first_delta_seconds_count", f"model={model}"] == 1
    assert metrics["aurous_mock_requests_total", f"operation=POST {CREATE},status=200"] == 3
    assert metrics["aurous_mock_requests_total", "operation=other,status=404"] == 1
    assert body["id"] not in str(metrics)


def test_metrics_of_a_gateway_are_behind_its_admin_key(engine: Mock) -> None:
    with running(upstream=engine.url + "/v1", upstream_key=engine.api_key) as gateway:
        assert http.get(f"{gateway.url}/metrics").status_code == 404
    with running(upstream=engine.url + "/v1", upstream_key=engine.api_key, admin_key=ADMIN_KEY) as gateway:
        assert http.get(f"{gateway.url}/metrics").status_code == 404
        assert http.get(f"{gateway.url}/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
        assert metrics_of(gateway.url, Authorization=f"Bearer {ADMIN_KEY}")
        assert metrics_of(gateway.url, **{"Aurous-Mock-Key": ADMIN_KEY})


@pytest.mark.slow
def test_metrics_of_workers_are_added_up(tmp_path: Path) -> None:
    with MockProcess("--workers", "2", "--state", str(tmp_path / "state.db")) as mock:
        for _ in range(12):
            # A connection each, so that both workers have some.
            assert http.get(f"{mock.url}/v1/balance", headers={"X-Api-Key": "al_live_" + "0" * 64}).is_success
        metrics = metrics_of(mock.url)
        assert metrics["aurous_mock_requests_total", "operation=GET /v1/balance,status=200"] == 12
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
