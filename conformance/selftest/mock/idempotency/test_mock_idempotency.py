"""Row 26: what an idempotency key means, under concurrency and over time."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest
from aurous_mock.http.idempotency_key import fingerprint
from aurous_mock.server.launcher import Mock
from aurous_mock.storage.idempotency import WINDOW, Claim, Entry, KeyInUse, KeyUnused, Replay, decide
from mockkit import CREATE, OTHER_KEY, chat, connect, error_of, post_all

KEY = {"Idempotency-Key": "order-7"}
CLAIM = Claim("k", "/a", "f")


@pytest.mark.parametrize(
    ("entry", "now", "expected"),
    [
        (None, 0, KeyUnused),
        (Entry("/a", "f", "cmp_1", 0, b"{}"), WINDOW - 1, Replay),
        (Entry("/a", "f", "cmp_1", 0, b"{}"), WINDOW, KeyUnused),
        (Entry("/a", "f", "cmp_1", 0), WINDOW - 1, KeyInUse),
        (Entry("/a", "g", "cmp_1", 0, b"{}"), 1, KeyInUse),
        (Entry("/b", "f", "cmp_1", 0, b"{}"), 1, KeyInUse),
    ],
)
def test_idempotency_decision_follows_the_stored_key(entry: Entry | None, now: float, expected: type) -> None:
    assert type(decide(entry, CLAIM, now)) is expected


def test_fingerprints_are_of_canonical_json() -> None:
    assert fingerprint({"a": 1, "b": {"c": 2, "d": 3}}) == fingerprint({"b": {"d": 3, "c": 2}, "a": 1})
    assert fingerprint({"a": [1, 2]}) != fingerprint({"a": [2, 1]})
    assert fingerprint({"a": None}) != fingerprint({})
    assert fingerprint({"a": [1]}) == fingerprint({"a": [1.0]})
    assert fingerprint({"a": 1}) != fingerprint({"a": True})
    assert fingerprint({"a": 1.5}) != fingerprint({"a": 1})


def create(client: httpx.Client, headers: dict[str, str] = KEY, **fields: Any) -> httpx.Response:
    return client.post(CREATE, json=chat(**fields), headers=headers)


def test_replay_is_the_same_body_without_a_charge(client: httpx.Client, mock: Mock) -> None:
    first, second = create(client), create(client)
    assert "aurous-idempotent-replayed" not in first.headers
    assert second.headers["aurous-idempotent-replayed"] == "true"
    assert second.content == first.content
    assert second.headers["aurous-request-id"] != first.headers["aurous-request-id"]
    assert [charge["idempotency_key"] for charge in mock.ledger()] == ["order-7"]


def test_key_order_and_whitespace_do_not_matter(client: httpx.Client) -> None:
    create(client, temperature=1)
    reordered = (
        b'{ "temperature": 1,"messages":[{"content":"Name three uses of a paper clip.",'
        b'"role":"user"}],\n"model":"aurous-grow-2.0-pro" }'
    )
    again = client.post(CREATE, content=reordered, headers={**KEY, "Content-Type": "application/json"})
    assert again.headers["aurous-idempotent-replayed"] == "true"


@pytest.mark.parametrize("fields", [{"text": "Another question"}, {"seed": 1}, {"user": "someone"}])
def test_same_key_with_different_body_conflicts(client: httpx.Client, fields: dict[str, Any]) -> None:
    create(client)
    response = create(client, **fields)
    assert response.status_code == 409
    assert (error_of(response)["type"], error_of(response)["code"]) == ("invalid_request", "idempotency_key_in_use")
    assert "retry-after" not in response.headers


def test_different_keys_make_different_completions(client: httpx.Client) -> None:
    assert create(client).json()["id"] != create(client, {"Idempotency-Key": "order-8"}).json()["id"]
    assert client.post(CREATE, json=chat()).json()["id"] != client.post(CREATE, json=chat()).json()["id"]


def test_teams_do_not_share_idempotency_keys(client: httpx.Client, mock: Mock) -> None:
    create(client)
    with connect(mock, OTHER_KEY) as other:
        assert "aurous-idempotent-replayed" not in create(other).headers


@pytest.mark.parametrize("alias", ["Aurous-Idempotency-Key", "Aurous-Idempotent-Key"])
def test_idempotency_header_has_aliases(client: httpx.Client, alias: str) -> None:
    create(client, {alias: "order-7"})
    assert create(client).headers["aurous-idempotent-replayed"] == "true"


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 200), (64, 200), (256, 200), (257, 400)])
def test_key_lengths_are_bounded(client: httpx.Client, length: int, status: int) -> None:
    response = create(client, {"Idempotency-Key": "k" * length})
    assert response.status_code == status
    if status == 400:
        assert error_of(response)["code"] == "invalid_format"


def test_refused_request_leaves_its_key_unused(client: httpx.Client) -> None:
    assert create(client, max_tokens=9000).status_code == 400
    assert create(client).status_code == 200


@pytest.mark.parametrize("fault", ["status=502", "status=500", "status=429", "code=chat_provider_auth_failed"])
def test_failed_completion_leaves_its_key_unused(client: httpx.Client, mock: Mock, fault: str) -> None:
    failed = create(client, {**KEY, "Aurous-Mock-Fault": fault})
    assert failed.status_code >= 429
    well = create(client)
    assert well.status_code == 200
    assert "aurous-idempotent-replayed" not in well.headers
    assert len(mock.ledger()) == 1


def test_lost_response_is_replayed(client: httpx.Client, mock: Mock) -> None:
    lost = create(client, {**KEY, "Aurous-Mock-Fault": "status=502; when=after"})
    assert lost.status_code == 502
    assert create(client).headers["aurous-idempotent-replayed"] == "true"
    assert len(mock.ledger()) == 1


def test_keys_expire_after_a_day(client: httpx.Client, mock: Mock) -> None:
    first = create(client).json()["id"]
    mock.advance(WINDOW - 60)
    assert create(client).json()["id"] == first
    mock.advance(61)
    again = create(client)
    assert "aurous-idempotent-replayed" not in again.headers
    assert again.json()["id"] != first


def test_100_concurrent_requests_with_one_key_make_one_completion(mock: Mock) -> None:
    responses = asyncio.run(post_all(mock.url, mock.api_key, [chat()] * 100, KEY))
    outcomes = Counter((r.status_code, r.headers.get("aurous-idempotent-replayed")) for r in responses)
    assert outcomes[200, None] == 1
    assert sum(outcomes.values()) == 100
    assert set(outcomes) <= {(200, None), (200, "true"), (409, None)}
    assert len(mock.ledger()) == 1


def test_key_used_on_another_route_conflicts(client: httpx.Client) -> None:
    completion_id = create(client).json()["id"]
    response = client.post(f"{CREATE}/{completion_id}/cancel", headers=KEY)
    assert (response.status_code, error_of(response)["code"]) == (409, "idempotency_key_in_use")
    response = client.post(f"{CREATE}/{completion_id}/cancel", headers={"Idempotency-Key": "unused"})
    assert error_of(response)["code"] == "chat_cancel_target_already_terminal"


def test_key_of_a_running_request_conflicts(mock: Mock) -> None:
    headers = {**KEY, "Aurous-Mock-Fault": "pace=30"}
    responses = asyncio.run(post_all(mock.url, mock.api_key, [chat()] * 20, headers))
    outcomes = Counter((r.status_code, r.headers.get("aurous-idempotent-replayed")) for r in responses)
    assert outcomes == {(200, None): 1, (409, None): 19}
    assert len(mock.ledger()) == 1
