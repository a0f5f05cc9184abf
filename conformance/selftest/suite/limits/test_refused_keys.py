"""A key that the server refuses in the middle of a run ends it; a 401 of one operation or header does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from answering_server import AnsweringServer, answering, response
from harness.client.api_client import ApiClient
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.settings import Settings
from harness.violations import NotTested
from suite_runs import run

KEY, OTHER_KEY = "al_live_" + "7" * 64, "al_live_" + "8" * 64
MODELS = json.dumps({"object": "list", "data": [{"id": "m", "kind": "chat"}]}).encode()
REVOKED = json.dumps({"error": {"type": "authentication", "code": "revoked_api_key", "request_id": "req_1"}}).encode()
REFUSED = "key refused: every request with the key is answered 401 revoked_api_key"
Refuses = Callable[[AnsweringServer, str], bool]


@contextmanager
def client_of(refuses: Refuses) -> Iterator[tuple[ApiClient, AnsweringServer]]:
    """A client of a server that refuses some requests: `refuses` gets it, and the head of a request."""

    def answer(server: AnsweringServer, head: str) -> Iterable[bytes]:
        is_refused = refuses(server, head)
        return [response(401 if is_refused else 200, REVOKED if is_refused else MODELS, Aurous_Request_Id="req_1")]

    with answering(answer) as server:
        client = ApiClient(Settings(server.url, KEY, OTHER_KEY, "2026-05-15"), Recorder(), SpendLimit())
        try:
            yield client, server
        finally:
            client.close()


def test_revoked_key_leaves_the_rest_not_tested_and_sends_nothing_more() -> None:
    with client_of(lambda server, head: len(server.heads) > 1) as (api, server):
        api.models().expect(200)
        with pytest.raises(NotTested, match=REFUSED):
            api.balance()
        # The request, and one for each header that may carry the key.
        assert len(server.heads) == 4
        with pytest.raises(NotTested, match="check --api-key or AUROUS_API_KEY"), api.open_stream({"max_tokens": 1}):
            pass
        assert len(server.heads) == 4


def test_revoked_key_is_noticed_by_a_stream() -> None:
    with client_of(lambda server, head: len(server.heads) > 1) as (api, _):
        api.models().expect(200)
        with pytest.raises(NotTested, match=REFUSED), api.open_stream({"max_tokens": 1}):
            pass


@pytest.mark.parametrize(
    "refuses",
    [
        pytest.param(lambda server, head: "/balance" in head, id="one operation"),
        pytest.param(lambda server, head: len(server.heads) > 1 and "authorization" not in head.lower(), id="a header"),
    ],
)
def test_server_that_refuses_a_request_with_a_key_that_it_accepts_is_tested_on(refuses: Refuses) -> None:
    with client_of(refuses) as (api, _):
        api.models().expect(200)
        assert api.balance().status == 401
        assert api.balance().status == 401


def test_wrong_key_that_a_rule_sends_is_no_refusal_of_the_key() -> None:
    with client_of(lambda server, head: len(server.heads) > 1) as (api, server):
        api.models().expect(200)
        assert api.send("GET", "/v1/models", headers={"X-Api-Key": "al_live_wrong"}).status == 401
        assert len(server.heads) == 2


def test_key_that_was_never_accepted_is_tested_with() -> None:
    with client_of(lambda server, head: True) as (api, _):
        assert api.models().status == 401


def test_refused_key_of_another_team_leaves_that_of_the_run_alone() -> None:
    with client_of(lambda server, head: OTHER_KEY in head) as (api, _):
        with pytest.raises(NotTested, match="check --other-api-key"):
            api.as_other_team().balance()
        api.models().expect(200)


@pytest.mark.slow
def test_run_whose_key_is_revoked_ends_with_one_message(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with client_of(lambda server, head: len(server.heads) > 2) as (_, server):
        done = run("--base-url", server.url, "--rule", "models.*", "--rule", "balance.*", "--report", str(report))
    assert done.returncode == 2
    assert f"Interrupted: {REFUSED}" in done.stdout
    rules = json.loads(report.read_text())["rules"].values()
    assert not [rule for rule in rules if "401" in rule["actual"] and rule["outcome"] == "failed"]
    assert len([rule for rule in rules if rule["outcome"] == "not_tested"]) == 1
