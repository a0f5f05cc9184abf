"""The mock serves a version that renames members and values, and those that do not, from the same code."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
from aurous_mock.server.launcher import running
from mockkit import CREATE, SPEC, SPEC_FILE, VERSION, chat, connect, frames
from ruamel.yaml import YAML
from testkit.renamed_spec import rename_member, rename_value

NEXT = "2999-01-01"
NEW = {"Aurous-Version": NEXT}
OLD = {"Aurous-Version": VERSION}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    document = deepcopy(SPEC)
    document["info"]["version"] = NEXT
    rename_member(document, "ChatCompletionRequest", "max_tokens", "token_limit")
    rename_member(document, "NamedJsonSchema", "schema", "shape")
    rename_member(document, "Usage", "credits_charged", "price")
    rename_member(document, "Balance", "available_credits", "credits_left")
    rename_member(document, "ApiError", "param", "parameter")
    rename_value(document, "FinishReason", "length", "token_limit")
    rename_value(document, "ReasoningEffort", "minimal", "least")
    rename_value(document, "ErrorCode", "max_tokens_exceeds_hard_cap", "token_limit_too_high")
    path = tmp_path_factory.mktemp("specs") / "next.yaml"
    with path.open("wb") as file:
        YAML().dump(document, file)
    with running(specs=(path, SPEC_FILE)) as mock, connect(mock) as client:
        yield client


def create(client: httpx.Client, headers: dict[str, str], **fields: Any) -> Any:
    return client.post(CREATE, json=chat("Write 30 words.", **fields), headers=headers).json()


def test_renamed_members_and_values_have_the_names_of_each_version(client: httpx.Client) -> None:
    new = create(client, NEW, token_limit=3, reasoning_effort="least")
    old = create(client, OLD, max_tokens=3, reasoning_effort="minimal")
    assert new["choices"][0]["finish_reason"] == "token_limit"
    assert old["choices"][0]["finish_reason"] == "length"
    assert new["usage"]["completion_tokens"] == old["usage"]["completion_tokens"] == 3
    assert new["usage"]["price"] == old["usage"]["credits_charged"] > 0
    assert "credits_charged" not in new["usage"]
    assert "price" not in old["usage"]


def test_earlier_name_is_ignored_in_the_version_that_renames_it(client: httpx.Client) -> None:
    assert create(client, NEW, max_tokens=3)["usage"]["completion_tokens"] > 3
    assert create(client, NEW, reasoning_effort="minimal")["error"]["code"] == "invalid_format"


def test_stream_and_record_have_the_names_of_the_version_that_reads_them(client: httpx.Client) -> None:
    body = chat("Write 30 words.", stream=True, token_limit=3)
    *_, last = frames(client.post(CREATE, json=body, headers=NEW).text)
    assert last["choices"][0]["finish_reason"] == "token_limit"
    assert last["usage"]["price"] > 0
    address = f"{CREATE}/{last['id']}"
    assert client.get(address, headers=NEW).json()["usage"] == last["usage"]
    old = client.get(address, headers=OLD).json()
    assert old["usage"]["credits_charged"] == last["usage"]["price"]
    assert old["choices"][0]["finish_reason"] == "length"


def test_refusal_has_the_names_of_the_version(client: httpx.Client) -> None:
    new = create(client, NEW, token_limit=9000)["error"]
    assert (new["code"], new["parameter"]) == ("token_limit_too_high", "token_limit")
    assert new["doc_url"].endswith("#token_limit_too_high")
    old = create(client, OLD, max_tokens=9000)["error"]
    assert (old["code"], old["param"]) == ("max_tokens_exceeds_hard_cap", "max_tokens")
    assert create(client, NEW, token_limit=0)["error"]["parameter"] == "token_limit"
    assert client.get("/v1/balance", headers={**NEW, "X-Api-Key": "unknown"}).json()["error"]["parameter"] is None


def test_members_of_user_data_keep_their_names(client: httpx.Client) -> None:
    shape = {"type": "object", "properties": {"max_tokens": {"const": 7}}, "required": ["max_tokens"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "shape": shape}}
    answer = create(client, NEW, response_format=wanted)
    assert answer["choices"][0]["message"]["content"] == '{"max_tokens":7}'


def test_balance_has_the_names_of_the_version(client: httpx.Client) -> None:
    new, old = (client.get("/v1/balance", headers=headers).json() for headers in (NEW, OLD))
    assert new["credits_left"] == old["available_credits"]
    assert "available_credits" not in new
