"""Rules on any request at all: schemathesis explores every operation, and the links between them."""

from __future__ import annotations

from typing import Any

import pytest
from harness.client.api_client import ApiClient
from harness.generation import schemathesis_adapter
from harness.rules import rule
from harness.settings import SELECTED

SCHEMA = schemathesis_adapter.load(SELECTED.profile, SELECTED.seed)


@pytest.fixture(scope="module")
def accepted() -> set[str]:
    """The generated requests that were accepted already."""
    return set()


@rule(
    "properties.{operation}",
    page="api-reference",
    sentence="Whatever is sent gets a documented answer: valid requests are accepted, others refused in the envelope.",
)
@SCHEMA.parametrize()  # type: ignore[untyped-decorator]
def test_generated_request_gets_a_documented_response(case: Any, api: ApiClient, accepted: set[str]) -> None:
    schemathesis_adapter.check_case(case, api, accepted)


@rule(
    "properties.links",
    page="api-reference",
    sentence="What a create answers can be retrieved and cancelled by its id, in any order and number.",
)
def test_created_completion_is_reachable_by_its_id(api: ApiClient) -> None:
    schemathesis_adapter.follow_links(schemathesis_adapter.load_links(SELECTED.profile, SELECTED.seed), api)
