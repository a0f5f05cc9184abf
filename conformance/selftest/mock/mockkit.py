"""What the mock's tests share: requests to send, and responses and streams to read."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
from aurous_mock.contract.spec import RELEASED, default_spec
from aurous_mock.contract.yaml_reader import read_yaml
from aurous_mock.server import cli
from aurous_mock.server.launcher import Mock
from testkit.conditions import PATIENCE

OTHER_KEY = "al_live_" + "1" * 64
CREATE = "/v1/chat/completions"
SOURCE = Path(__file__).parents[2]
# The version that these tests speak: they are about the behaviour of the mock, and a later version may rename or remove
# what they use. The suite checks the mock by the spec of each version.
VERSION = "2026-05-15"
# The version of a request that names none.
SPEC = read_yaml(default_spec())
CURRENT: str = SPEC["info"]["version"]
SPEC_FILE = default_spec() if CURRENT == VERSION else RELEASED / f"{VERSION}.yaml"
SPEC = SPEC if CURRENT == VERSION else read_yaml(SPEC_FILE)
# For single requests, each on a connection of its own. httpx's functions would load certificates for each of them.
http = httpx.Client(verify=False, timeout=PATIENCE, limits=httpx.Limits(max_keepalive_connections=0))
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat(text: str = "Name three uses of a paper clip.", **fields: Any) -> dict[str, Any]:
    """A valid request body."""
    return {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": text}], **fields}


def long_chat(words: int = 2000, **fields: Any) -> dict[str, Any]:
    """A streamed request whose answer takes its time under a fault such as `pace=50`."""
    return chat(f"Write {words} words.", stream=True, max_tokens=8000, **fields)


def connect(mock: Mock, key: str | None = None) -> httpx.Client:
    headers = {"X-Api-Key": key or mock.api_key, "Aurous-Version": VERSION}
    return httpx.Client(base_url=mock.url, headers=headers, timeout=PATIENCE, verify=False)


def schema(name: str) -> jsonschema_rs.Draft202012Validator:
    """The validator of a component of the contract."""
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": SPEC["components"]}
    )


def failing(capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    """The one line with which the command ends on flags that cannot work."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["--port", "0", *flags])
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("aurous-mock: ")
    return str(line)


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The envelope of an error, once its headers are seen to agree with it."""
    error: dict[str, Any] = response.json()["error"]
    assert {"type", "code", "message", "doc_url", "request_id"} <= set(error)
    assert error["request_id"] == response.headers["aurous-request-id"]
    assert response.headers["aurous-version"] in (VERSION, CURRENT)
    return error


def data_lines(text: str) -> list[str]:
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data:")]


def frames(text: str) -> list[dict[str, Any]]:
    """The frames of a whole stream, which has to end with [DONE]."""
    lines = data_lines(text)
    assert lines[-1] == "[DONE]"
    assert lines.count("[DONE]") == 1
    return [json.loads(line) for line in lines[:-1]]


def content_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def first_id(lines: Iterator[str]) -> str:
    """The completion id of a stream, from its first frame."""
    for line in lines:
        if line.startswith("data:"):
            return str(json.loads(line.removeprefix("data: "))["id"])
    raise AssertionError("the stream ended before its first frame")


def status_of(client: httpx.Client, completion_id: str) -> str:
    return str(client.get(f"{CREATE}/{completion_id}").json()["status"])


async def post_all(url: str, key: str, bodies: list[dict[str, Any]], headers: dict[str, str]) -> list[httpx.Response]:
    """All of the creates at once."""
    limits = httpx.Limits(max_connections=len(bodies))
    headers = {"X-Api-Key": key, "Aurous-Version": VERSION, **headers}
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60, verify=False) as client:
        return list(await asyncio.gather(*(client.post(CREATE, json=body) for body in bodies)))
