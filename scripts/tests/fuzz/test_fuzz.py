"""A few thousand cases of client and mock fuzzing, and that a fault would be found."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import fuzz
import pytest
from aurous._stream.chunk_template import ChunkTemplate
from aurous_client.models import ChatCompletionChunk
from client_kinds import KINDS
from fuzzing import differential, endless, fuzz_client, fuzz_mock
from fuzzing.checked_client import CheckedClient, MisbehaviorError
from fuzzing.corpus import CHUNKS, COMPLETION, stream
from fuzzing.mutations import Pairs, Raw, encode, frame, mutate, mutate_bytes, mutate_frames
from resilience.report import RunReport
from testkit.raw_server import raw, run_raw_server
from testkit.responses import answer
from testkit.streams import begin, chunk

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def patient() -> Iterator[None]:
    """A busy machine is no fault of the client, and what hangs does so for longer than this."""
    with pytest.MonkeyPatch.context() as patch:
        # For the module, since its fixtures call clients too.
        patch.setattr("fuzzing.checked_client.TOLERANCE", 300.0)
        yield


def failed_checks(run_report: RunReport) -> list[str]:
    """The claims of the checks that failed."""
    return [check.claim for check in run_report.checks if not check.passed]


@pytest.fixture(scope="module")
def server() -> fuzz_client.Result:
    return fuzz_client.run(1500, 1)


def test_client_withstands_hostile_responses(server: fuzz_client.Result) -> None:
    run_report = fuzz_client.evaluate(server)
    assert failed_checks(run_report) == [], run_report.as_text()
    assert server.cases.total() == 1500
    assert {f"responses over sockets, {kind}" for kind in KINDS} <= {*server.cases}
    assert {f"responses in process, {kind}" for kind in KINDS[:2]} <= {*server.cases}
    # Some cases were valid, and some were not.
    assert server.templated > 500
    assert {"a result", "finished", "APIResponseValidationError", "APIConnectionError", "StreamInterruptedError"} <= {
        *server.endings
    }
    assert len(server.endless_bodies) == 12


def test_mock_withstands_hostile_requests() -> None:
    result = fuzz_mock.run(1050, 1)
    run_report = fuzz_mock.evaluate(result)
    assert failed_checks(run_report) == [], run_report.as_text()
    assert result.cases >= 1050
    assert {"coverage, negative", "coverage, positive", "drawn, positive"} <= {*result.phases}
    assert {"200", "400", "404"} <= {*result.statuses}


Scope = dict[str, Any]
Send = Callable[[Scope], Awaitable[None]]


async def faulty(scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Send) -> None:
    """An application that fails every request."""
    await receive()
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"Traceback (most recent call last)"})


def test_failing_mock_is_detected() -> None:
    run_report = fuzz_mock.evaluate(fuzz_mock.run(1, 0, application=faulty))
    assert "each case got a response, and none a 5xx" in failed_checks(run_report)
    result = fuzz_mock.Result(seed=0, log="Traceback (most recent call last)", slowest=11.0, tool_errors=["no schema"])
    assert failed_checks(fuzz_mock.evaluate(result)) == [
        "the log has no traceback",
        "each response took less than 10 s",
        "schemathesis reported no error of its own",
    ]


@pytest.mark.parametrize("kind", [*CHUNKS])
def test_chunks_of_each_kind_are_read_by_a_template(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    matches: list[Sequence[str]] = []
    make = ChunkTemplate.chunk

    def chunk_of(self: ChunkTemplate, strings: Sequence[str]) -> ChatCompletionChunk:
        matches.append(strings)
        return make(self, strings)

    monkeypatch.setattr(ChunkTemplate, "chunk", chunk_of)
    frames = stream(["Red", ", green", ", blue"] * 20, kind=kind)
    differential.compare(b"".join(frame(each, 0) for each in frames), [100, 1000])
    assert len(matches) > 50


STREAM = b"".join(frame(each, 0) for each in stream(["Red", ", green", ", blue"] * 20))


def test_wrong_template_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    assert differential.compare(STREAM, [100, 1000]) > 30
    monkeypatch.setattr(
        "aurous._stream.chunk_template.ChunkTemplate.read", lambda self, event: [event[self._between].decode()[:2]]
    )
    with pytest.raises(differential.ReadingError, match="read differently than by the exact parser"):
        differential.compare(STREAM, [100, 1000])


def test_wrong_fast_path_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "aurous._stream.chunk_parser.decode_strict"
    monkeypatch.setattr(name, lambda data: json.loads(data.replace(b"Red", b"Rod")))
    with pytest.raises(differential.ReadingError, match="read differently than by the exact parser"):
        differential.compare(STREAM, [100, 1000])


def test_chunk_shared_with_the_caller_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    shared: dict[str, Any] = {}
    make = ChunkTemplate.chunk

    def chunk_of(self: ChunkTemplate, strings: Sequence[str]) -> ChatCompletionChunk:
        response = make(self, strings)
        response.additional_properties = shared
        return response

    monkeypatch.setattr(ChunkTemplate, "chunk", chunk_of)
    with pytest.raises(differential.ReadingError, match="read differently than by the exact parser"):
        differential.compare(STREAM, [100, 300, 500])


def test_untyped_parser_error_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        raise KeyError("id")

    monkeypatch.setattr("aurous._request.flow.parse", fail)
    result = fuzz_client.run(300, 0, with_sizes=False)
    assert any("KeyError: 'id'" in fault for fault in result.faults)
    assert any("Failing test case" in fault or "Falsifying example" in fault for fault in result.faults)
    assert len(failed_checks(fuzz_client.evaluate(result))) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_client_that_hangs_or_raises_untyped_errors_is_detected(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with run_raw_server() as raw_server:
        client = CheckedClient(kind, raw_server.url)
        try:
            raw_server.plays(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", then="stall"))
            assert client.ask("balance") == "APITimeoutError"
            monkeypatch.setattr("fuzzing.checked_client.DEADLINE", -1000.0)
            with pytest.raises(MisbehaviorError, match="its deadline is"):
                client.ask("balance")
            monkeypatch.setattr("aurous._request.flow.parse", lambda *_: 1 // 0)
            raw_server.plays(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
            with pytest.raises(MisbehaviorError, match="ZeroDivisionError"):
                client.ask("balance")
        finally:
            client.close()


def test_reading_beyond_the_limit_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pretend that the limit is lower.
    monkeypatch.setattr(endless, "MAX_BODY", 4 * endless.MIB)
    result = fuzz_client.Result(seed=0, endless_bodies=list(endless.run_all()))
    assert failed_checks(fuzz_client.evaluate(result))[0] == "nothing was read beyond its limit"
    high = fuzz_client.Result(seed=0, endless_bodies=[("an answer", "a result", 0, endless.MAX_MEMORY + 1)])
    assert failed_checks(fuzz_client.evaluate(high)) == ["no response took more than 256 MiB"]


class TestMutations:
    def test_mutations_change_every_place_of_a_document(self) -> None:
        response = [encode(mutate(COMPLETION, (kind, place, 3))) for kind in range(6) for place in range(60)]
        assert len({*response}) > 150
        # Some replace a value by itself.
        assert response.count(encode(COMPLETION)) < 10

    def test_mutations_leave_the_original_unchanged(self) -> None:
        before = json.dumps(COMPLETION)
        for number in range(300):
            mutate(COMPLETION, (number, number * 7, number * 3))
        assert json.dumps(COMPLETION) == before

    def test_mutations_can_be_combined(self) -> None:
        for first in range(60):
            document = mutate(COMPLETION, (3, first, first))
            for second in range(0, 600, 7):
                encode(mutate(document, (second, second, first)))

    def test_mutations_change_events_and_bytes(self) -> None:
        frames = [frame(each, 0) for each in stream(["Red"])]
        response = {b"".join(mutate_frames(frames, (kind, 1, value))) for kind in range(9) for value in range(30)}
        assert len(response) > 80
        assert len({mutate_bytes(STREAM, (kind, 500, value)) for kind in range(6) for value in range(30)}) > 90

    def test_mutated_documents_can_be_invalid_json(self) -> None:
        document = {"a": Raw("NaN"), "b": Pairs([("c", 1), ("c", "\u00e9")]), "d": [None, {}]}
        assert encode(document) == '{"a":NaN,"b":{"c":1,"c":"\u00e9"},"d":[null,{}]}'
        assert encode(document, spaces=True, ascii_only=True) == (
            '{"a": NaN, "b": {"c": 1, "c": "\\u00e9"}, "d": [null, {}]}'
        )
        assert frame(chunk({"content": "x"}), 4).startswith(b'data:{"id":"cmp_1",')


def test_valid_response_is_a_result() -> None:
    body = encode(COMPLETION).encode()
    with run_raw_server() as raw_server:
        raw_server.plays(answer(200, body))
        client = CheckedClient("sync", raw_server.url)
        assert client.ask("create") == "a result"
        raw_server.plays(raw(begin() + STREAM))
        assert client.ask("stream") == "finished"
        client.close()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["everyone"], "'everyone' is not one of"),
        (["--cases", "0"], "at least 1"),
        (["--json", "no/such/folder/x.json"], "there is no folder"),
        (["--json", "."], ". is a folder, and no file"),
    ],
)
def test_fuzz_usage_error_exits_2(arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        fuzz.main(arguments)
    assert caught.value.code == 2
    assert reason in capsys.readouterr().err


def test_file_that_cannot_be_written_is_refused_before_the_run(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Root may write anywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(SystemExit):
        fuzz.main(["client", "--cases", "1", "--json", str(tmp_path / "x.json")])
    assert "x.json cannot be written" in capsys.readouterr().err


def test_fuzz_prints_and_writes_its_report(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["client", "--cases", "50", "--json", str(tmp_path / "found.json")]) == 0
    assert "50 cases of hostile responses, seed 0" in capsys.readouterr().out
    [run_report] = json.loads((tmp_path / "found.json").read_bytes())
    assert run_report["passed"] is True
