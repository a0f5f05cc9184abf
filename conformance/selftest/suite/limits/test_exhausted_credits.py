"""A team whose credits run out ends a run; a 402 that its balance does not explain is tested on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from answering_server import AnsweringServer, answering, response
from harness.client.api_client import FAULT_HEADER, ApiClient
from harness.client.exchange import Exchange
from harness.client.recorder import Recorder
from harness.client.spend_limit import SpendLimit
from harness.settings import EMBEDDED_KEY, Settings
from harness.violations import NotTested
from suite_runs import run
from testkit.mock_process import MockProcess

KEY, OTHER_KEY = "al_live_" + "7" * 64, "al_live_" + "8" * 64
BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}], "max_tokens": 1}
LITTLE = {"credits": 0.5, "held_credits": 0.4999, "available_credits": 0.0001, "billing_mode": "prepaid"}
OUT = r"^out of credits: a request was answered 402 balance_too_low, and the team of the key has 0.0001 credits"
Sends = Callable[[ApiClient], Any]


@contextmanager
def client_of(
    balance: object, *, code: str = "balance_too_low", tests_limits: bool = False
) -> Iterator[tuple[ApiClient, AnsweringServer]]:
    """A client of a server that refuses every POST with 402, and states a balance."""
    refusal = json.dumps({"error": {"type": "invalid_request", "code": code, "request_id": "req_1"}}).encode()

    def answer(server: AnsweringServer, head: str) -> Iterable[bytes]:
        is_get = head.startswith("GET ")
        yield response(200 if is_get else 402, json.dumps(balance).encode() if is_get else refusal)

    with answering(answer) as server:
        settings = Settings(server.url, KEY, OTHER_KEY, "2026-05-15")
        client = ApiClient(settings, Recorder(), SpendLimit(), tests_limits=tests_limits)
        try:
            yield client, server
        finally:
            client.close()


def create(api: ApiClient) -> Exchange:
    return api.create(BODY)


def stream(api: ApiClient) -> Exchange:
    with api.open_stream({**BODY, "stream": True}) as opened:
        return opened.exchange


each_mode = pytest.mark.parametrize("send", [create, stream])


@each_mode
def test_team_without_credits_leaves_the_rest_not_tested_and_sends_nothing_more(send: Sends) -> None:
    with client_of(LITTLE) as (api, server):
        with pytest.raises(NotTested, match=OUT):
            send(api)
        # The request, and one for the balance.
        assert len(server.heads) == 2
        with pytest.raises(NotTested, match="another team with --api-key or AUROUS_API_KEY"):
            api.models()
        assert len(server.heads) == 2


@pytest.mark.parametrize(
    "balance",
    [
        pytest.param({**LITTLE, "available_credits": 50}, id="credits"),
        pytest.param({**LITTLE, "billing_mode": "exempt"}, id="exempt"),
        pytest.param({**LITTLE, "available_credits": "0"}, id="text"),
        pytest.param([], id="no balance"),
    ],
)
@each_mode
def test_team_whose_balance_pays_is_tested_on(balance: object, send: Sends) -> None:
    with client_of(balance) as (api, _):
        assert send(api).status == 402
        assert send(api).status == 402


def test_refusal_of_more_than_is_left_is_due_to_the_balance() -> None:
    # An answer of so many tokens costs more than a credit and a half.
    with client_of({**LITTLE, "available_credits": 1.5}) as (api, _), pytest.raises(NotTested, match="out of credits"):
        api.create({**BODY, "max_tokens": 4096})


def test_another_code_does_not_end_a_run() -> None:
    with client_of(LITTLE, code="quota_exceeded") as (api, _):
        assert create(api).status == 402


def test_refusal_that_was_scripted_does_not_end_a_run() -> None:
    with client_of(LITTLE) as (api, _):
        fault = {FAULT_HEADER: "status=402; code=balance_too_low"}
        assert api.create(BODY, headers=fault).status == 402


def test_refusal_where_credits_are_tested_does_not_end_a_run() -> None:
    with client_of(LITTLE, tests_limits=True) as (api, _):
        assert create(api).status == 402


def test_other_team_without_credits_leaves_that_of_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ApiClient, "model", "m")
    with client_of(LITTLE) as (api, _):
        with pytest.raises(NotTested, match="another team with --other-api-key"):
            create(api.as_other_team())
        assert api.balance().status == 200


def test_run_whose_credits_run_out_ends_with_one_message() -> None:
    with MockProcess("--no-access-log", "--credits", "0.001") as mock:
        done = run("--base-url", mock.url, "--api-key", EMBEDDED_KEY, "--rule", "completion.*", "--rule", "stream.*")
    assert done.returncode == 2
    assert "Interrupted: out of credits: a request was answered 402 balance_too_low" in done.stdout
    assert "1 rule was not tested, or not in full: out of credits: " in done.stdout
    assert "0 failed" in done.stdout
