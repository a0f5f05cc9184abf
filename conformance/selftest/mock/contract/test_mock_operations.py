"""Operations that the mock has no code for: answered, checked and kept by the spec alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from aurous_mock.contract.yaml_reader import read_yaml
from aurous_mock.server.launcher import Mock, running
from mockkit import SPEC_FILE, connect, data_lines, error_of, http

ADDED: dict[str, Any] = read_yaml(Path(__file__).with_name("made_up_operations.yaml"))
LEVEL = {"X-Zorp-Level": "3"}


@pytest.fixture(scope="module")
def grown_spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec with more operations."""
    spec = read_yaml(SPEC_FILE)
    spec["paths"] |= ADDED["paths"]
    spec["components"]["x-rate-classes"] = ADDED["x-rate-classes"]
    path = tmp_path_factory.mktemp("spec") / "openapi.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def grown_mock(grown_spec: Path) -> Iterator[Mock]:
    with running(specs=(grown_spec,)) as mock:
        yield mock


@pytest.fixture
def zorps(grown_mock: Mock) -> Iterator[httpx.Client]:
    grown_mock.reset()
    with connect(grown_mock) as client:
        yield client


def refusal(response: httpx.Response) -> tuple[int, str, str | None]:
    error = error_of(response)
    return response.status_code, error["code"], error["param"]


def test_created_response_has_a_generated_body_and_its_headers(zorps: httpx.Client) -> None:
    response = zorps.post("/v1/zorps", json={"name": "stew"}, headers=LEVEL)
    assert response.status_code == 201
    assert response.headers["location"] == "/v1/zorps/zrp_1"
    schema = ADDED["paths"]["/v1/zorps"]["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(response.json())


def test_generated_body_is_the_same_for_the_same_seed(zorps: httpx.Client) -> None:
    bodies = {zorps.post("/v1/zorps", json={"name": name}, headers=LEVEL).content for name in ("one", "two")}
    assert len(bodies) == 1


def test_documented_example_is_the_answer(zorps: httpx.Client) -> None:
    assert zorps.get("/v1/zorps").json() == [{"id": "zrp_abcd"}]


def test_page_after_a_cursor_is_the_last(zorps: httpx.Client) -> None:
    first, last = (zorps.get("/v1/zorps/crews", params=query).json() for query in ({}, {"after": "b"}))
    assert first == {"data": ["a", "b"], "has_more": True, "next": "b"}
    assert last == {"data": ["a", "b"], "has_more": False, "next": None}


def test_made_up_record_is_of_what_has_ended_where_it_can(grown_spec: Path) -> None:
    states: dict[str, set[str]] = {"": set(), "/sketch": set()}
    for seed in range(5):
        with running(specs=(grown_spec,), seed=seed) as mock, connect(mock) as client:
            for rest, found in states.items():
                found.add(client.get(f"/v1/zorps/portraits/1{rest}").json()["state"])
    assert states == {"": {"hung"}, "/sketch": {"planned"}}


def test_no_content_response_has_no_body(zorps: httpx.Client) -> None:
    response = zorps.delete("/v1/zorps/7")
    assert (response.status_code, response.content) == (204, b"")


def test_path_without_parameters_wins_and_public_operation_needs_no_key(grown_mock: Mock, zorps: httpx.Client) -> None:
    assert http.get(f"{grown_mock.url}/v1/zorps/latest").json() == {"id": "latest"}
    assert refusal(http.get(f"{grown_mock.url}/v1/zorps")) == (401, "missing_api_key", None)


def test_response_headers_are_those_of_every_response(zorps: httpx.Client) -> None:
    response = zorps.get("/v1/zorps")
    assert response.headers["aurous-request-id"].startswith("req_")
    assert "aurous-version" in response.headers
    assert "x-ratelimit-remaining" in response.headers
    assert "x-ratelimit-tpm-limit" not in response.headers


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "missing_field", "name")),
        ({"name": ""}, (400, "value_out_of_range", "name")),
        ({"name": "x", "size": 11}, (400, "value_out_of_range", "size")),
        ({"name": "x", "size": "11"}, (400, "invalid_format", "size")),
        ({"name": "x", "lid": {"color": "red", "hinge": 1, "depth": 2}}, (400, "invalid_format", "lid.hinge")),
        ({"name": "x", "empty": {"hinge": 1, "depth": 2}}, (400, "invalid_format", "empty.hinge")),
        ({"name": "x", "spice": {"hinge": 1}}, (400, "invalid_format", "spice.hinge")),
    ],
)
def test_json_body_is_checked(zorps: httpx.Client, body: Any, expected: tuple[int, str, str]) -> None:
    assert refusal(zorps.post("/v1/zorps", json=body, headers=LEVEL)) == expected


def test_refusal_of_a_long_member_is_short(zorps: httpx.Client) -> None:
    body = {"name": "x", "lid": {"\n" * 100_000: 1}}
    error = error_of(zorps.post("/v1/zorps", json=body, headers=LEVEL))
    assert max(len(error["param"]), len(error["message"])) < 300


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (400, "missing_field", "X-Zorp-Level")),
        ({"X-Zorp-Level": "12"}, (400, "value_out_of_range", "X-Zorp-Level")),
        ({"X-Zorp-Level": "high"}, (400, "invalid_format", "X-Zorp-Level")),
    ],
)
def test_headers_are_checked(zorps: httpx.Client, headers: dict[str, str], expected: tuple[int, str, str]) -> None:
    assert refusal(zorps.post("/v1/zorps", json={"name": "x"}, headers=headers)) == expected


@pytest.mark.parametrize(
    "query",
    ["", "limit=5", "tag=a&tag=b", "code=1,2", "filter[color]=red&filter[weight]=1.5", "fresh=true", "unknown=1"],
)
def test_valid_queries_are_accepted(zorps: httpx.Client, query: str) -> None:
    assert zorps.get(f"/v1/zorps?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("limit=0", "value_out_of_range", "limit"),
        ("limit=many", "invalid_format", "limit"),
        ("tag=a&tag=d", "invalid_format", "tag[1]"),
        ("tag=a&tag=b&tag=c", "value_out_of_range", "tag"),
        ("code=1,x", "invalid_format", "code[1]"),
        ("filter[weight]=1", "missing_field", "filter.color"),
        ("filter[color]=red&filter[weight]=heavy", "invalid_format", "filter.weight"),
        ("fresh=perhaps", "invalid_format", "fresh"),
    ],
)
def test_queries_are_checked(zorps: httpx.Client, query: str, code: str, param: str) -> None:
    assert refusal(zorps.get(f"/v1/zorps?{query}")) == (400, code, param)


def test_path_parameter_is_checked(zorps: httpx.Client) -> None:
    assert refusal(zorps.get("/v1/zorps/seven")) == (400, "invalid_format", "number")
    assert refusal(zorps.get("/v1/zorps/0")) == (400, "value_out_of_range", "number")


def test_path_parameter_of_another_form_is_not_found_where_that_is_documented(zorps: httpx.Client) -> None:
    assert refusal(zorps.delete("/v1/zorps/seven")) == (404, "resource_not_found", "number")


def test_encoded_slash_stays_within_a_path_parameter(zorps: httpx.Client) -> None:
    assert refusal(zorps.get("/v1/zorps/a%2Fb")) == (400, "invalid_format", "number")


def test_method_that_a_path_does_not_have_is_refused(zorps: httpx.Client) -> None:
    response = zorps.patch("/v1/zorps")
    assert refusal(response) == (405, "method_not_allowed", None)
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/v1/zorps/uploads", "POST"), ("DELETE", "/v1/zorps/latest", "GET"), ("GET", "/v1/zorps/7:shake", "POST")],
)
def test_method_that_only_a_path_with_a_parameter_has_is_refused(
    zorps: httpx.Client, method: str, path: str, allowed: str
) -> None:
    response = zorps.request(method, path)
    assert refusal(response) == (405, "method_not_allowed", None)
    assert response.headers["allow"] == allowed


def test_key_replays_the_response_with_its_status(zorps: httpx.Client) -> None:
    headers = {**LEVEL, "Idempotency-Key": "one"}
    first = zorps.post("/v1/zorps", json={"name": "a", "size": 1}, headers=headers)
    again = zorps.post("/v1/zorps", json={"size": 1, "name": "a"}, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert "aurous-idempotent-replayed" not in first.headers
    assert again.headers["aurous-idempotent-replayed"] == "true"


def test_key_with_another_body_or_route_is_in_use(zorps: httpx.Client) -> None:
    headers = {**LEVEL, "Idempotency-Key": "one"}
    zorps.post("/v1/zorps", json={"name": "a"}, headers=headers)
    other_body = zorps.post("/v1/zorps", json={"name": "b"}, headers=headers)
    other_route = zorps.post("/v1/zorps/uploads", data={"purpose": "stew"}, headers=headers)
    assert refusal(other_body) == refusal(other_route) == (409, "idempotency_key_in_use", "Idempotency-Key")


def test_refused_request_leaves_its_key_unused(zorps: httpx.Client) -> None:
    headers = {**LEVEL, "Idempotency-Key": "one"}
    assert zorps.post("/v1/zorps", json={}, headers=headers).status_code == 400
    assert zorps.post("/v1/zorps", json={"name": "a"}, headers=headers).status_code == 201


def test_form_body_is_checked(zorps: httpx.Client) -> None:
    assert zorps.post("/v1/zorps/uploads", data={"purpose": "stew", "copies": "2"}).status_code == 200
    refused = zorps.post("/v1/zorps/uploads", data={"purpose": "stew", "copies": "4"})
    assert refusal(refused) == (400, "value_out_of_range", "copies")


def test_multipart_body_is_checked_and_its_key_replays_whatever_the_boundary(zorps: httpx.Client) -> None:
    def upload(purpose: str) -> httpx.Response:
        return zorps.post(
            "/v1/zorps/uploads",
            data={"purpose": purpose, "copies": "1"},
            files={"file": ("a.bin", b"\x00\xff")},
            headers={"Idempotency-Key": "upload"},
        )

    assert refusal(upload("salad")) == (400, "invalid_format", "purpose")
    assert upload("stew").status_code == 200
    assert upload("stew").headers["aurous-idempotent-replayed"] == "true"
    missing = zorps.post("/v1/zorps/uploads", files={"purpose": (None, "stew")})
    assert refusal(missing) == (400, "missing_field", "file")
    broken = zorps.post("/v1/zorps/uploads", content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert refusal(broken) == (400, "invalid_format", None)


def test_binary_body_is_checked(zorps: httpx.Client) -> None:
    binary = {"Content-Type": "application/octet-stream"}
    assert zorps.post("/v1/zorps/uploads", content=b"\xff" * 16, headers=binary).status_code == 200
    refused = zorps.post("/v1/zorps/uploads", content=b"\xff" * 17, headers=binary)
    assert refusal(refused) == (400, "value_out_of_range", None)


def test_body_of_another_media_type_is_refused(zorps: httpx.Client) -> None:
    refused = zorps.post("/v1/zorps/uploads", json={"purpose": "stew"})
    assert refusal(refused) == (400, "invalid_format", "Content-Type")


def test_binary_ndjson_and_text_answers_are_sent_by_accept(zorps: httpx.Client) -> None:
    picture = zorps.post("/v1/zorps/uploads", data={"purpose": "stew"})
    assert picture.headers["content-type"] == "image/png"
    assert picture.content == "\x89PNG".encode()
    lines = zorps.post("/v1/zorps/uploads", data={"purpose": "stew"}, headers={"Accept": "application/x-ndjson"})
    assert lines.content == b'{"line":1}\n{"line":2}\n'
    text = zorps.post("/v1/zorps/7:shake")
    assert (text.status_code, text.text) == (202, "shaken")


def test_stream_sends_the_example_events(zorps: httpx.Client) -> None:
    response = zorps.post("/v1/zorps/songs", json={"stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert "event: note\n" in response.text
    assert data_lines(response.text) == ['{"note":"la"}', "[DONE]"]
    assert zorps.post("/v1/zorps/songs", json={"stream": False}).json() == {"song": "la"}
    assert zorps.post("/v1/zorps/songs").json() == {"song": "la"}


def test_faults_apply(zorps: httpx.Client) -> None:
    failed = zorps.get("/v1/zorps", headers={"Aurous-Mock-Fault": "status=503; retry-after=2"})
    assert (failed.status_code, failed.headers["retry-after"]) == (503, "2")
    cut = zorps.post("/v1/zorps/songs", json={"stream": True}, headers={"Aurous-Mock-Fault": "end=1"})
    assert data_lines(cut.text) == ['{"note":"la"}']


def test_rate_class_has_a_bucket_of_its_own(zorps: httpx.Client) -> None:
    responses = [zorps.post("/v1/zorps/7:shake") for _ in range(3)]
    assert [response.headers["x-ratelimit-remaining"] for response in responses] == ["1", "0", "0"]
    assert refusal(responses[2]) == (429, "too_many_requests", None)
    assert responses[2].headers["retry-after"] == "1"
    assert zorps.get("/v1/zorps").status_code == 200


def test_version_without_the_operation_does_not_have_it(grown_mock: Mock, client: httpx.Client) -> None:
    assert client.get("/v1/zorps").status_code == 404
