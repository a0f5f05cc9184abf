"""Uses the methods of operations that test_new_operations.py adds to the spec, against a server of its own.

Runs, and is type-checked, beside the package generated from that spec; the committed package has no such methods.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import threading
import typing
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aurous_client
from aurous_client import UNSET, AuthenticatedClient, models
from aurous_client.api.imaginary_team import update_imaginary_team
from aurous_client.api.imaginary_webhooks import replace_imaginary_webhook
from aurous_client.errors import ParseError
from aurous_client.models import (
    ImaginaryEither,
    ImaginaryLabels,
    ImaginaryLeaf,
    ImaginaryLora,
    ImaginaryNode,
    ImaginaryTeam,
    ImaginaryTree,
    ImaginaryWebhook,
)
from aurous_client.operations import AsyncEventStream, EventFormat, EventT, Operation, Request, SyncEventStream
from aurous_client.resources import AsyncResources, Resources

assert "generated" not in str(aurous_client.__file__)
ID = uuid.UUID("0190b3b0-0000-7000-8000-000000000001")
MOMENT = datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)
TEAM: dict[str, Any] = {
    "id": str(ID),
    "created_at": "2026-05-15T12:30:00Z",
    "birthday": "2020-02-29",
    "plan": "platinum",
    "parent": {"id": str(ID), "created_at": "2026-05-15T12:30:00Z", "parent": None},
    "teams": [{"id": str(ID), "created_at": "2026-05-15T12:30:00Z", "plan": None}],
    "labels": {"a": 1},
    "new": [1],
}
requests: list[tuple[str, str, dict[str, str], bytes]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        requests.append(
            (self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, content)
        )
        path = self.path.split("?")[0]
        status, document = 200, b""
        if self.command == "DELETE" or path.endswith("rotate_secret"):
            status = 204
        elif path == "/v1/imaginary_team":
            document = json.dumps(TEAM).encode()
        elif path == "/v1/imaginary_tree":
            document = b"7" if self.command == "PATCH" else b'{"kind": "leaf", "left": {"kind": "node"}}'
        elif path == "/v1/imaginary_loras":
            document = b'[{"id": 1}, {"id": 2}]'
        elif path == "/v1/imaginary_usage/events":
            document = b'{"data": [{"kind": 8}]}'
        elif path.startswith("/v1/imaginary_webhook_endpoints/"):
            document = b'{"url": "https://example.com"}'
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = answer  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        pass


class Connected(AuthenticatedClient):
    def stream(self, operation: Operation[Any], request: Request) -> str:
        return "a stream"

    def astream(self, operation: Operation[Any], request: Request) -> str:
        return "a stream"

    def stream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> SyncEventStream[EventT]:
        raise AssertionError(operation.id)

    def astream_events(
        self, operation: Operation[Any], events: EventFormat[EventT], request: Request
    ) -> AsyncEventStream[EventT]:
        raise AssertionError(operation.id)


class Sync(Resources[str]):
    def __init__(self, caller: Connected) -> None:
        self._caller = caller


class Async(AsyncResources[str]):
    def __init__(self, caller: Connected) -> None:
        self._caller = caller


def fault_of(call: Callable[[], object]) -> ParseError:
    try:
        call()
    except ParseError as error:
        return error
    raise AssertionError("no fault")


def nested(team: dict[str, Any], levels: int) -> dict[str, Any]:
    for _ in range(levels):
        team = {"id": str(ID), "created_at": "2026-05-15T12:30:00Z", "teams": [team]}
    return team


def check_team(team: ImaginaryTeam) -> None:
    assert team.id == ID
    assert team.created_at == MOMENT
    assert team.birthday == datetime.date(2020, 2, 29)
    assert team.plan == "platinum"
    assert isinstance(team.parent, ImaginaryTeam)
    assert team.parent.parent is None
    assert team.teams is not UNSET
    assert team.teams[0].plan is None
    assert isinstance(team.labels, ImaginaryLabels)
    assert team.labels.additional_properties == {"a": 1}
    assert team.additional_properties == {"new": [1]}
    expected = json.loads(json.dumps(TEAM).replace("Z", "+00:00"))
    assert team.to_dict() == expected
    assert ImaginaryTeam.from_dict(team.to_dict()) == team


def synchronous(client: Connected) -> None:
    methods = Sync(client)
    check_team(methods.imaginary_team.retrieve())
    check_team(methods.imaginary_team.update(name="x", contact=None, size=3))
    assert json.loads(requests[-1][3]) == {"name": "x", "contact": None, "size": 3}
    check_team(methods.imaginary_team.update(name="x", contact="c", email=None))
    assert json.loads(requests[-1][3]) == {"name": "x", "contact": "c", "email": None}
    check_team(update_imaginary_team.sync(client=client, body=models.ImaginaryTeamUpdate(name="x", contact=None)))
    assert json.loads(requests[-1][3]) == {"name": "x", "contact": None}
    webhook: ImaginaryWebhook = methods.imaginary_webhook_endpoints.update(
        ID,
        body_id="b",
        url="https://example.com",
        body_timeout=1.5,
        body_dry_run="no",
        stream=True,
        dry_run=True,
        since=MOMENT,
        fields=["a", "b c"],
        idempotency_key="k",
        timeout=5,
    )
    method, path, headers, content = requests[-1]
    assert webhook.url == "https://example.com"
    query = "dry_run=true&since=2026-05-15T12%3A30%3A00%2B00%3A00&fields=a&fields=b+c"
    assert (method, path.replace("%20", "+")) == ("PUT", f"/v1/imaginary_webhook_endpoints/{ID}?{query}")
    assert headers["idempotency-key"] == "k"
    assert headers["authorization"] == f"Bearer {ID}"
    assert json.loads(content) == {
        "id": "b",
        "url": "https://example.com",
        "kind": "webhook",
        "timeout": 1.5,
        "dry_run": "no",
        "stream": True,
    }
    assert replace_imaginary_webhook.OPERATION.idempotency_header == "Idempotency-Key"
    nothing: None = methods.imaginary_webhook_endpoints.delete(ID)  # type: ignore[func-returns-value]
    assert nothing is None
    methods.imaginary_webhook_endpoints.rotate_secret(ID)
    assert requests[-1][:2] == ("POST", f"/v1/imaginary_webhook_endpoints/{ID}/rotate_secret")
    assert requests[-1][3] == b""
    loras: list[ImaginaryLora] = methods.imaginary_loras.list()
    assert [lora.id for lora in loras] == [1, 2]
    tree: ImaginaryTree = methods.imaginary_tree.retrieve()
    assert tree == ImaginaryLeaf(left=ImaginaryNode())
    assert methods.imaginary_tree.update(body=tree) == tree
    assert json.loads(requests[-1][3]) == tree.to_dict()
    number: ImaginaryEither = methods.imaginary_tree.count()
    assert number == 7
    assert str(fault_of(methods.imaginary_usage.events)) == "data[0].kind: expected 7, found 8"
    assert "Deprecated." in str(methods.imaginary_webhook_endpoints.delete.__doc__)
    assert type(methods.imaginary_webhook_endpoints).__doc__ == "The methods of `imaginary_webhook_endpoints`."


async def asynchronous(client: Connected) -> None:
    methods = Async(client)
    check_team(await methods.imaginary_team.retrieve())
    check_team(await methods.imaginary_team.update(name="x", contact=None))
    await methods.imaginary_webhook_endpoints.delete(ID)
    loras: list[ImaginaryLora] = await methods.imaginary_loras.list()
    assert [lora.id for lora in loras] == [1, 2]
    await client.aclose()


def recursive() -> None:
    fits: ImaginaryEither = 3
    assert fits == 3
    for name in models.__all__:
        if isinstance(getattr(models, name), type):
            typing.get_type_hints(getattr(models, name))
    # Nested unions, with the fault at the bottom: each level is looked at once.
    document: dict[str, Any] = {"kind": "leaf", "left": {"kind": "root"}}
    for level in range(60):
        document = {"left": document, "kind": ("node", "leaf")[level % 2]}
    fault = fault_of(lambda: ImaginaryNode.from_dict({"kind": "node", "left": document}))
    assert fault.pointer == ".".join(["left"] * 62 + ["kind"]), fault
    assert fault.expected == "'node' or 'leaf'"
    bad = nested({"id": str(ID), "created_at": 7}, 80)
    assert fault_of(lambda: ImaginaryTeam.from_dict(bad)).pointer == "teams[0]." * 80 + "created_at"
    deep = nested(bad, 5000)
    fault = fault_of(lambda: ImaginaryTeam.from_dict(deep))
    assert "fewer levels" in str(fault)
    assert fault.pointer.startswith("teams")
    tree: ImaginaryTree = ImaginaryNode(left=ImaginaryLeaf(left=ImaginaryNode()))
    assert tree.to_dict() == {"kind": "node", "left": {"kind": "leaf", "left": {"kind": "node"}}}


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with Connected(base_url=f"http://127.0.0.1:{server.server_port}", token=str(ID)) as client:
        synchronous(client)
        asyncio.run(asynchronous(client))
        assert str(fault_of(Sync(client).balance.retrieve)) == "expected a JSON document, found an empty body"
    server.shutdown()
    server.server_close()
    recursive()
    print("all is well")


if __name__ == "__main__":
    main()
