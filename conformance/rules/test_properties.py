"""What must hold for any request at all: schemathesis explores every operation, and the links between them."""

from __future__ import annotations

from typing import Any

from harness.client.api_client import Server
from harness.generation import schemathesis_adapter
from harness.rules import rule
from harness.settings import CHOSEN

SCHEMA = schemathesis_adapter.load(CHOSEN.profile, CHOSEN.seed)


@rule(
    "properties.{operation}",
    page="api-reference",
    says="Whatever is sent gets a documented answer: valid requests are accepted, others refused in the envelope.",
)
@SCHEMA.parametrize()  # type: ignore[untyped-decorator]
def test_operation(case: Any, server: Server) -> None:
    schemathesis_adapter.try_case(case, server)


@rule(
    "properties.links",
    page="api-reference",
    says="What a create answers can be retrieved and cancelled by its id, in any order and number.",
)
def test_links(server: Server) -> None:
    schemathesis_adapter.walk(SCHEMA, server)
