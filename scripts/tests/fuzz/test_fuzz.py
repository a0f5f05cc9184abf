"""A few thousand cases of a hostile server and of a hostile caller, and proof that a fault would be found."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import fuzz
import pytest
from aurous._stream.template import Stencil
from aurous_client.models import ChatCompletionChunk
from fuzzing import differential, endless, fuzz_client, fuzz_mock
from fuzzing.client_matrix import KINDS, Client, MisbehaviourError
from fuzzing.corpus import COMPLETION, chunk, stream
from fuzzing.mutations import Pairs, Raw, encode, frame, spoil, spoil_bytes, spoil_frames
from fuzzing.raw_server import Script, hosting
from resilience.report import Verdict

pytestmark = pytest.mark.slow


def broken(verdict: Verdict) -> list[str]:
    """The claims that did not hold."""
    return [finding.claim for finding in verdict.findings if not finding.holds]


@pytest.fixture(scope="module")
def server() -> fuzz_client.Evidence:
    return fuzz_client.run(1500, 1)


def test_the_client_stands_a_hostile_server(server: fuzz_client.Evidence) -> None:
    verdict = fuzz_client.judge(server)
    assert broken(verdict) == [], verdict.as_text()
    assert server.cases.total() == 1500
    assert {f"answers over sockets, {kind}" for kind in KINDS} <= {*server.cases}
    assert {f"answers without a network, {kind}" for kind in KINDS[:2]} <= {*server.cases}
    # Neither all was spoilt beyond recognition, nor nothing.
    assert server.unparsed > 500
    assert {"a result", "finished", "APIResponseValidationError", "APIConnectionError", "StreamInterruptedError"} <= {
        *server.endings
    }
    assert len(server.sizes) == 12


def test_the_mock_stands_a_hostile_caller() -> None:
    found = fuzz_mock.run(1050, 1)
    verdict = fuzz_mock.judge(found)
    assert broken(verdict) == [], verdict.as_text()
    assert found.cases >= 1050
    assert {"coverage, negative", "coverage, positive", "drawn, positive"} <= {*found.phases}
    assert {"200", "400", "404"} <= {*found.statuses}


Scope = dict[str, Any]
Send = Callable[[Scope], Awaitable[None]]


async def faulty(scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Send) -> None:
    """An application that fails whatever it is asked."""
    await receive()
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"Traceback (most recent call last)"})


def test_a_mock_that_fails_is_found() -> None:
    verdict = fuzz_mock.judge(fuzz_mock.run(1, 0, application=faulty))
    assert "each case was answered, and none by a 5xx" in broken(verdict)
    found = fuzz_mock.Evidence(seed=0, log="Traceback (most recent call last)", slowest=11.0, troubles=["no schema"])
    assert broken(fuzz_mock.judge(found)) == [
        "the log has no traceback",
        "each answer came within 10 s",
        "schemathesis could do its work",
    ]


STREAM = b"".join(frame(each, 0) for each in stream(["Red", ", green", ", blue"] * 20))


def test_a_stencil_that_reads_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differential.compare(STREAM, [100, 1000]) > 30
    monkeypatch.setattr("aurous._stream.template.Stencil.read", lambda self, event: event[self._between].decode()[:2])
    with pytest.raises(differential.ReadingError, match="read otherwise than parsed"):
        differential.compare(STREAM, [100, 1000])


def test_a_reader_that_does_not_parse_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(differential._Parsing, "recognize")
    with pytest.raises(differential.ReadingError, match="does not"):
        differential.compare(STREAM, [100, 1000])


def test_a_chunk_that_is_shared_with_the_caller_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: dict[str, Any] = {}
    make = Stencil.chunk

    def chunk_of(self: Stencil, text: str) -> ChatCompletionChunk:
        made = make(self, text)
        made.additional_properties = shared
        return made

    monkeypatch.setattr(Stencil, "chunk", chunk_of)
    with pytest.raises(differential.ReadingError, match="read otherwise than parsed"):
        differential.compare(STREAM, [100, 300, 500])


def test_a_parser_that_lets_errors_through_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise KeyError("id")

    monkeypatch.setattr("aurous._request.flow.parse", fail)
    found = fuzz_client.run(300, 0, with_sizes=False)
    assert any("KeyError: 'id'" in fault for fault in found.faults)
    assert any("Failing test case" in fault or "Falsifying example" in fault for fault in found.faults)
    assert len(broken(fuzz_client.judge(found))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_hangs_or_raises_something_else_is_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with hosting() as host:
        client = Client(kind, host.url)
        try:
            host.script = Script((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",), "stall")
            assert client.ask("balance") == "APITimeoutError"
            monkeypatch.setattr("fuzzing.clients.DEADLINE", -10.0)
            with pytest.raises(MisbehaviourError, match="are given"):
                client.ask("balance")
            monkeypatch.setattr("aurous._request.flow.parse", lambda *_: 1 // 0)
            host.script = Script((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",))
            with pytest.raises(MisbehaviourError, match="ZeroDivisionError"):
                client.ask("balance")
        finally:
            client.close()


def test_answers_without_an_end_are_found_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # As if less were allowed than is.
    monkeypatch.setattr(endless, "MAX_BODY", 4 * endless.MIB)
    found = fuzz_client.Evidence(seed=0, sizes=list(endless.try_all()))
    assert broken(fuzz_client.judge(found))[0] == "nothing was read beyond its limit"
    high = fuzz_client.Evidence(seed=0, sizes=[("an answer", "a result", 0, endless.MOST + 1)])
    assert broken(fuzz_client.judge(high)) == ["no answer took more than 256 MiB"]


class TestMutations:
    def test_change_every_place_of_a_document_in_every_way(self) -> None:
        made = [encode(spoil(COMPLETION, (kind, place, 3))) for kind in range(6) for place in range(60)]
        assert len({*made}) > 150
        # Some put a value where it was.
        assert made.count(encode(COMPLETION)) < 10

    def test_leave_the_original_as_it_is(self) -> None:
        before = json.dumps(COMPLETION)
        for number in range(300):
            spoil(COMPLETION, (number, number * 7, number * 3))
        assert json.dumps(COMPLETION) == before

    def test_can_follow_one_another(self) -> None:
        for first in range(60):
            document = spoil(COMPLETION, (3, first, first))
            for second in range(0, 600, 7):
                encode(spoil(document, (second, second, first)))

    def test_change_frames_and_bytes(self) -> None:
        frames = [frame(each, 0) for each in stream(["Red"])]
        made = {b"".join(spoil_frames(frames, (kind, 1, value))) for kind in range(9) for value in range(30)}
        assert len(made) > 80
        assert len({spoil_bytes(STREAM, (kind, 500, value)) for kind in range(6) for value in range(30)}) > 90

    def test_documents_can_be_what_no_encoder_writes(self) -> None:
        document = {"a": Raw("NaN"), "b": Pairs([("c", 1), ("c", "\u00e9")]), "d": [None, {}]}
        assert encode(document) == '{"a":NaN,"b":{"c":1,"c":"\u00e9"},"d":[null,{}]}'
        assert encode(document, spaces=True, ascii_only=True) == (
            '{"a": NaN, "b": {"c": 1, "c": "\\u00e9"}, "d": [null, {}]}'
        )
        assert frame(chunk({"content": "x"}), 4).startswith(b'data:{"id":"cmp_1",')


def test_a_good_answer_is_a_result() -> None:
    body = encode(COMPLETION).encode()
    with hosting() as host:
        host.script = Script((b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body))
        client = Client("sync", host.url)
        assert client.ask("create") == "a result"
        host.script = Script((b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", STREAM))
        assert client.ask("stream") == "finished"
        client.close()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["everyone"], "'everyone' is none of"),
        (["--cases", "0"], "at least 1"),
        (["--json", "no/such/folder/x.json"], "there is no folder"),
    ],
)
def test_a_bad_command_line_is_exit_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        fuzz.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_the_command_tells_and_writes_what_it_found(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["client", "--cases", "50", "--json", str(tmp_path / "found.json")]) == 0
    assert "50 cases of a hostile server, seed 0" in capsys.readouterr().out
    [verdict] = json.loads((tmp_path / "found.json").read_bytes())
    assert verdict["is_good"] is True
