"""Calls the operations of natural_spec.yaml, through the generated client and through `Aurous`, on a server of its own.

Runs, and is type-checked, beside the package generated from that spec; the committed package has no such methods.
"""

from __future__ import annotations

import asyncio
import datetime
import inspect
import io
import json
import pickle
import threading
from collections.abc import Callable
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aurous
import aurous_client
from aurous import AsyncAurous, Aurous
from aurous.types import FileInput
from aurous_client import AuthenticatedClient
from aurous_client.api.imaginary import export_imaginary_rows, get_imaginary_output, get_imaginary_report
from aurous_client.errors import EncodeError
from aurous_client.models import (
    ExportImaginaryRowsItem,
    GetImaginaryReportResponse202,
    ImaginaryDog,
    ImaginaryFile,
    ImaginaryFinishedWebhook,
    ImaginaryOwner,
    ImaginaryReport,
)

assert "generated" not in str(aurous_client.__file__)
MOMENT = datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)
DOG: dict[str, Any] = {
    "id": "a1",
    "kind": "dog",
    "born": "2026-05-15T12:30:00",
    "barks": True,
    "owner": {"name": "Ada"},
    "mood": None,
    "collar": None,
    "scores": {"charm": 9},
    "friends": [{"kind": "cat"}, {"kind": "dog", "id": "a2", "barks": True}],
}
JSON = "application/json"
ANSWERS: dict[tuple[str, str], tuple[int, str | None, bytes]] = {
    ("GET", "/v1/imaginary_pictures/a%2Fb/output/1"): (200, "image/png", b"\x89PNG\xff\x00"),
    ("GET", "/v1/imaginary_notes/n"): (200, "text/plain; charset=latin-1", "né".encode("latin-1")),
    ("PUT", "/v1/imaginary_notes/n"): (204, None, b""),
    ("DELETE", "/v1/imaginary_notes/n"): (204, None, b""),
    ("GET", "/v1/imaginary_exports"): (200, "application/x-ndjson", b'{"row": 1}\n\n{"row": 2}\r\n'),
    ("GET", "/v1/imaginary_files"): (200, JSON, b'[{"id": "f", "anything": [1]}]'),
    ("POST", "/v1/imaginary_files"): (201, "application/json; charset=utf-8", b'{"id": "f"}'),
    ("PUT", "/v1/imaginary_files/f/content"): (204, None, b""),
    ("POST", "/v1/imaginary_tokens"): (200, JSON, b'{"token": "t"}'),
    ("POST", "/v1/imaginary_vectors/estimate"): (200, JSON, b'{"cost": 2}'),
    ("POST", "/v1/imaginary_things/t:cancel"): (200, JSON, json.dumps(DOG).encode()),
}
REPORTS: dict[str, tuple[int, str | None, bytes]] = {
    "1": (200, "application/vnd.imaginary+json", b'{"title": "x", "state": "new", "prices": {"a": {"credits": 2}}}'),
    "2": (200, "text/csv", b"a,b\n1,2\n"),
    "3": (202, JSON, b'{"job": "j"}'),
    "4": (204, None, b""),
}
requests: list[tuple[str, str, dict[str, str], bytes]] = []
failing: set[tuple[str, str]] = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path, _, _ = self.path.partition("?")
        requests.append(
            (self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, content)
        )
        place = (self.command, path)
        status, kind, document = ANSWERS.get(place, (404, JSON, b"{}"))
        if path == "/v1/imaginary_reports":
            status, kind, document = REPORTS[self.headers.get("X-Page", "1")]
        if place in failing:
            failing.discard(place)
            status, kind, document = 503, "text/html", b"<p>Later."
        self.send_response(status)
        self.send_header("Retry-After", "0")
        self.send_header("Aurous-Request-Id", "req_1")
        if kind is not None:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST = answer  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        pass


def refused(call: Callable[[], object]) -> str:
    count = len(requests)
    try:
        call()
    except EncodeError as error:
        assert len(requests) == count
        return str(error)
    raise AssertionError("nothing was refused")


def answers(client: Aurous) -> None:
    picture: bytes = client.imaginary_pictures.output.retrieve("a/b", 1)
    assert picture == b"\x89PNG\xff\x00"
    assert requests[-1][2]["accept"] == "image/*"
    assert aurous.response_info(picture).request_id == "req_1"
    assert type(pickle.loads(pickle.dumps(picture))) is bytes  # noqa: S301
    note: str = client.imaginary_notes.retrieve("n")
    assert note == "né"
    assert aurous.response_info(note).request_id == "req_1"
    with client.imaginary_exports.stream() as stream:
        rows: list[ExportImaginaryRowsItem] = list(stream)
    assert [row.row for row in rows] == [1, 2]
    files: list[ImaginaryFile] = client.imaginary_files.list()
    assert files == [ImaginaryFile.from_dict({"id": "f", "anything": [1]})]
    assert aurous.response_info(files).request_id == "req_1"
    dog: ImaginaryDog = client.imaginary_things.cancel("t")
    check_dog(dog)


def check_dog(dog: ImaginaryDog) -> None:
    assert dog.born == MOMENT
    assert dog.barks is True
    assert isinstance(dog.owner, ImaginaryOwner)
    assert dog.mood is None
    assert dog.collar is None
    assert dog.scores
    assert dog.scores["charm"] == 9
    assert "charm" in dog.scores
    dog.scores["speed"] = 3
    assert dog.scores.to_dict() == {"charm": 9, "speed": 3}
    assert dog.friends
    assert [type(friend).__name__ for friend in dog.friends] == ["ImaginaryCat", "ImaginaryDog"]
    finished = ImaginaryFinishedWebhook.from_dict({"id": "e", "data": {"status": "new"}})
    assert finished.data.status == "new"


def reports(client: Aurous) -> None:
    report = client.imaginary_reports.retrieve(
        after=MOMENT, fields=["a", "b"], x_since=MOMENT, x_tags=["x", "y"], x_page=1
    )
    assert isinstance(report, ImaginaryReport)
    assert report.state == "new"
    assert report.prices
    assert report.prices["a"].credits == 2
    _, path, headers, _ = requests[-1]
    assert path == "/v1/imaginary_reports?fields=a%2Cb&after=2026-05-15T12%3A30%3A00%2B00%3A00"
    assert (headers["x-since"], headers["x-page"], headers["x-tags"]) == ("2026-05-15T12:30:00+00:00", "1", "x,y")
    assert headers["accept"] == "application/vnd.imaginary+json, text/csv, application/json"
    assert client.imaginary_reports.retrieve(after=MOMENT, x_page=2) == "a,b\n1,2\n"
    job = client.imaginary_reports.retrieve(after=MOMENT, x_page=3)
    assert isinstance(job, GetImaginaryReportResponse202)
    assert client.imaginary_reports.retrieve(after=MOMENT, x_page=4) is None
    naive = datetime.datetime(2026, 5, 15)
    assert "offset" in refused(lambda: client.imaginary_reports.retrieve(after=naive))
    assert "offset" in refused(lambda: client.imaginary_reports.retrieve(after=MOMENT, x_since=naive))
    assert refused(lambda: client.imaginary_reports.retrieve(after=None)).startswith("after: it is required")  # type: ignore[arg-type]
    doc = inspect.getdoc(client.imaginary_reports.retrieve) or ""
    assert "By default 20." in doc
    assert 'Deprecated. One of `asc`, `desc`. By default "asc".' in doc
    assert "x_page: Deprecated." in doc
    assert "Which note." in (inspect.getdoc(client.imaginary_notes.retrieve) or "")


def bodies(client: Aurous, folder: Path) -> None:
    path = folder / "cat.txt"
    path.write_bytes(b"meow")
    failing.add(("POST", "/v1/imaginary_files"))
    created = client.imaginary_files.create(
        file=path,
        thumbnails=[b"\x00\xff", ("two.webp", io.BytesIO(b"two")), ("t.png", b"three", "image/png")],
        purpose="look",
        tags=["a", "b"],
        expires=MOMENT,
        details={"alt": "A cat."},
    )
    assert created.id == "f"
    (_, _, first, content), (_, _, second, again) = requests[-2:]
    assert (first["idempotency-key"], content) == (second["idempotency-key"], again)
    form = message_from_bytes(b"Content-Type: " + first["content-type"].encode() + b"\r\n\r\n" + content)
    parts = [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part["content-type"],
            part.get_payload(decode=True),
        )
        for part in form.walk()
        if not part.is_multipart()
    ]
    binary = "application/octet-stream"
    assert sorted(map(repr, parts)) == sorted(
        map(
            repr,
            [
                ("file", "cat.txt", "text/plain", b"meow"),
                ("thumbnails", "upload", binary, b"\x00\xff"),
                ("thumbnails", "two.webp", "image/webp", b"two"),
                ("thumbnails", "t.png", "image/png", b"three"),
                ("purpose", None, None, b"look"),
                ("tags", None, None, b"a"),
                ("tags", None, None, b"b"),
                ("expires", None, None, b"2026-05-15T12:30:00+00:00"),
                ("details", None, "application/json", b'{"alt":"A cat."}'),
            ],
        )
    ), parts
    client.imaginary_files.content.update("f", body=io.BytesIO(b"\x00\x01"))
    assert (requests[-1][2]["content-type"], requests[-1][3]) == (binary, b"\x00\x01")
    client.imaginary_notes.update("n", body="né")
    assert (requests[-1][2]["content-type"], requests[-1][3]) == ("text/plain", "né".encode())
    assert client.imaginary_tokens.create(scope=["a", "b c"], days=3).token == "t"  # noqa: S105
    assert requests[-1][3] == b"scope=a&scope=b+c&days=3"
    assert requests[-1][2]["content-type"] == "application/x-www-form-urlencoded"
    assert "expected bytes" in refused(lambda: client.imaginary_files.content.update("f", body="text"))  # type: ignore[arg-type]
    path_as_text = refused(lambda: client.imaginary_files.create(file="cat.txt", purpose="look"))  # type: ignore[arg-type]
    assert path_as_text.endswith("not str; for a path give a pathlib.Path")
    upload: FileInput = ("cat.txt", path)
    assert client.imaginary_files.create(file=upload, purpose="look").id == "f"
    assert "cannot be read" in refused(lambda: client.imaginary_files.content.update("f", body=folder / "none"))
    assert refused(lambda: client.imaginary_tokens.create(scope=None)).startswith("scope: it is required")  # type: ignore[arg-type]
    assert refused(lambda: client.imaginary_files.content.update("f", body=None)).startswith("body: it is required")  # type: ignore[arg-type]


def retries(client: Aurous) -> None:
    """What the spec or the method calls repeatable is sent again after a 503; the rest is not."""
    failing.update({("POST", "/v1/imaginary_vectors/estimate"), ("DELETE", "/v1/imaginary_notes/n")})
    assert client.imaginary_vectors.estimate(input="x").cost == 2
    assert [place[:2] for place in requests[-2:]] == [("POST", "/v1/imaginary_vectors/estimate")] * 2
    client.imaginary_notes.delete("n")
    assert [place[:2] for place in requests[-2:]] == [("DELETE", "/v1/imaginary_notes/n")] * 2
    failing.add(("GET", "/v1/imaginary_exports"))
    with client.imaginary_exports.stream() as stream:
        assert aurous.response_info(stream).attempts[0].status_code == 503
    failing.add(("POST", "/v1/imaginary_vectors"))
    count = len(requests)
    message = ""
    try:
        client.imaginary_vectors.create(input="x")
    except aurous.APIStatusError as error:
        message = "\n".join([str(error), *error.__notes__])
    assert len(requests) == count + 1
    assert "503" in message
    assert "not safe to send twice" in message
    assert "max_retries" not in message


async def asynchronous(base_url: str) -> None:
    async with AsyncAurous("key", base_url=base_url) as client:
        assert await client.imaginary_notes.retrieve("n") == "né"
        async with client.imaginary_exports.stream() as stream:
            assert [row.row async for row in stream] == [1, 2]
        assert (await client.imaginary_files.create(file=b"x", purpose="learn")).id == "f"


def generated(client: AuthenticatedClient) -> None:
    """The same without `aurous`."""
    picture: bytes = get_imaginary_output.sync("a/b", 1, client=client)
    assert picture == b"\x89PNG\xff\x00"
    assert requests[-1][2]["accept"] == "image/*"
    assert [row.row for row in export_imaginary_rows.sync(client=client)] == [1, 2]
    for page, kind in enumerate((ImaginaryReport, str, GetImaginaryReportResponse202, type(None)), 1):
        assert isinstance(get_imaginary_report.sync(client=client, after=MOMENT, x_page=page), kind)


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base_url = f"http://127.0.0.1:{server.server_port}"
    with Aurous("key", base_url=base_url) as client:
        answers(client)
        reports(client)
        bodies(client, Path.cwd())
        retries(client)
    asyncio.run(asynchronous(base_url))
    with AuthenticatedClient(base_url=base_url, token="key") as plain:  # noqa: S106
        generated(plain)
    server.shutdown()
    server.server_close()
    print("all is well")


if __name__ == "__main__":
    main()
