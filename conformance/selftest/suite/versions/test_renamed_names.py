"""The suite has one name for what versions call differently, and sends and expects that of the version under test."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import contract
from harness.canonical_spec import canonical
from harness.client.exchange import Exchange
from harness.client.wire_names import rename, with_names_of_version
from ruamel.yaml import YAML
from testkit.renamed_spec import rename_in_examples, rename_member, rename_value

SPEC = contract.document()
CREATE = "http://127.0.0.1/v1/chat/completions"


def renamed_spec() -> dict[str, Any]:
    document = deepcopy(SPEC)
    rename_member(document, "ChatCompletionRequest", "max_tokens", "token_limit")
    rename_member(document, "Usage", "credits_charged", "price")
    rename_value(document, "ErrorCode", "value_out_of_range", "out_of_range")
    rename_value(document, "ReasoningEffort", "minimal", "least")
    for operation in (node for item in document["paths"].values() for node in item.values()):
        if isinstance(operation, dict) and "x-errors" in operation:
            codes = operation["x-errors"]
            operation["x-errors"] = ["out_of_range" if code == "value_out_of_range" else code for code in codes]
        if isinstance(operation, dict) and "x-charge" in operation:
            operation["x-charge"] |= {"amount": "usage.price"}
    rename_in_examples(document, "max_tokens", "token_limit")
    rename_in_examples(document, "credits_charged", "price")
    return document


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version under test that renames."""
    document = renamed_spec()
    rename_member(document, "NamedJsonSchema", "name", "title")
    path = tmp_path / "renamed.yaml"
    with path.open("wb") as file:
        YAML().dump(document, file)
    monkeypatch.setattr(contract.SELECTED, "spec", path)


def exchange(body: bytes, status: int = 200) -> Exchange:
    headers = {"content-type": "application/json"}
    return Exchange("POST", CREATE, sent=b'{"token_limit": 3}', status=status, headers=headers, body=body)


def test_canonical_spec_is_the_spec_before_the_renames() -> None:
    assert renamed_spec() != SPEC
    assert canonical(renamed_spec()) == SPEC


@pytest.mark.usefixtures("version")
def test_request_is_sent_with_the_names_of_the_version() -> None:
    body = b'{ "max_tokens" : 1e1, "reasoning_effort": "minimal", "max_tokens": 2 }'
    request = with_names_of_version(httpx.Request("POST", CREATE, content=body, headers={"X-Mood": "calm"}))
    assert request.content == b'{ "token_limit" : 1e1, "reasoning_effort": "least", "token_limit": 2 }'
    assert (request.headers["X-Mood"], request.headers["Content-Length"]) == ("calm", str(len(request.content)))
    for content in (b'{"model": "m"}', b'{"max_tokens": ', b"\xff", b"[" * 100_000):
        request = httpx.Request("POST", CREATE, content=content)
        assert with_names_of_version(request) is request


@pytest.mark.usefixtures("version")
def test_name_that_stands_elsewhere_in_a_request_is_kept_there() -> None:
    names = contract.names("POST", "/v1/chat/completions").request
    body = b'{"response_format": {"json_schema": {"name": "n"}}, "tools": [{"function": {"name": "f"}}]}'
    assert rename(body, names) == body.replace(b'"name": "n"', b'"title": "n"')


@pytest.mark.usefixtures("version")
def test_response_is_read_with_canonical_names() -> None:
    answer = exchange(b'{"usage": {"price": 2}}')
    assert answer.at("usage", "credits_charged") == 2
    assert answer.request_json == {"max_tokens": 3}
    refusal = exchange(b'{"error": {"code": "out_of_range", "param": "token_limit"}}', 400)
    assert (refusal.at("error", "code"), refusal.at("error", "param")) == ("value_out_of_range", "max_tokens")
    assert answer.canonical_body == b'{"usage": {"credits_charged": 2}}\n'
    events = exchange(b'data: {"usage": {"price": 2}}\n\ndata: [DONE]\n\n')
    assert events.canonical_body == b'data: {"usage": {"credits_charged": 2}}\n\ndata: [DONE]\n\n'


@pytest.mark.usefixtures("version")
def test_earlier_names_in_a_response_do_not_pass_for_those_of_the_version() -> None:
    assert exchange(b'{"usage": {"credits_charged": 2}}').get("usage", "credits_charged") is None
    refusal = exchange(b'{"error": {"param": "max_tokens"}}', 400)
    assert refusal.at("error", "param") != "max_tokens"
