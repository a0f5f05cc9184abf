"""Which operation a path belongs to where several templates match it: the most concrete one, as OpenAPI says."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from aurous_mock.contract import operations
from aurous_mock.contract.document import Document
from aurous_mock.contract.yaml_reader import read_yaml
from harness import contract

# By path, the earlier name of the member that the version calls "price", the more general paths first.
PATHS = {
    "/v1/drawings/{id}": "of_one",
    "/v1/drawings/{id}:copy": "of_copy",
    "/v1/drawings/estimate": "of_estimate",
    "/v1/drawings/{id}/{part}": "of_part",
    "/v1/drawings/{id}/lines": "of_lines",
    "/v1/drawings/new/{part}": "of_new",
}
ASKED = [
    ("/v1/drawings/7", "/v1/drawings/{id}"),
    ("/v1/drawings/7:copy", "/v1/drawings/{id}:copy"),
    ("/v1/drawings/estimate", "/v1/drawings/estimate"),
    ("/v1/drawings/7/8", "/v1/drawings/{id}/{part}"),
    ("/v1/drawings/7/lines", "/v1/drawings/{id}/lines"),
    ("/v1/drawings/new/lines", "/v1/drawings/new/{part}"),
]
each_path = pytest.mark.parametrize(("path", "template"), ASKED, ids=[template for _, template in ASKED])


def operation(path: str, amount: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"price": {"type": "number", "x-renamed-from": amount}}}
    drawn = {"description": "Drawn.", "content": {"application/json": {"schema": schema}}}
    return {"operationId": path, "x-charge": {"amount": "price"}, "responses": {"200": drawn}}


@pytest.fixture
def spec(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The contract with operations that no version will ever have."""
    document = deepcopy(read_yaml(contract.NEWEST))
    document["paths"] = {path: {"get": operation(path, amount)} for path, amount in PATHS.items()} | document["paths"]
    file = tmp_path / "openapi.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.setattr(contract.SELECTED, "spec", file)
    return file


@pytest.mark.usefixtures("spec")
@each_path
def test_suite_takes_the_most_concrete_path(path: str, template: str) -> None:
    found = contract.operation_at("GET", path)
    assert found is not None
    assert found.path == template
    assert contract.charge_of("GET", path) == (PATHS[template],)
    assert list(contract.names("GET", path).response.members) == [PATHS[template]]


@each_path
def test_mock_serves_the_most_concrete_path(spec: Path, path: str, template: str) -> None:
    served = operations.read(Document(read_yaml(spec)), [])
    assert next(each.path for each in served if each.match("GET", path) is not None) == template


@pytest.mark.usefixtures("spec")
def test_path_of_no_operation_has_no_price() -> None:
    assert contract.operation_at("GET", "/v1/drawings/7/8/9") is None
    assert contract.charge_of("DELETE", "/v1/drawings/7") is None
