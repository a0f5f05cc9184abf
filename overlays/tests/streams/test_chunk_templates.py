"""Chunk templates: what they read is what parsing would have read, and where they are not sure they say so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aurous._stream.chunk_template import ChunkTemplate, make_template
from aurous_client.models import ChatCompletionChunk, ToolCallDelta
from hypothesis import given
from hypothesis import strategies as st
from testkit.streams import ROLE, USAGE, chunk

RED = chunk({"content": "Red"})
CHUNK = ChatCompletionChunk.from_dict(RED)


def event_of(frame: Any) -> bytes:
    return b"data: " + (frame if isinstance(frame, bytes) else json.dumps(frame).encode()) + b"\n\n"


def template_of(frame: Any, previous: Any = None, *, most: int = 10_000) -> ChunkTemplate | None:
    event = event_of(frame)
    data = event[len(b"data: ") : -2].decode()
    document = json.loads(data)
    parsed, before = (ChatCompletionChunk.from_dict(each) for each in (document, previous or document))
    return make_template(event, data, parsed, before, max_event_size=most)


@pytest.fixture
def template() -> ChunkTemplate:
    chunk_template = template_of(RED)
    assert chunk_template is not None
    return chunk_template


class TestMatchingEvents:
    @given(st.text())
    def test_template_reads_the_same_text_as_the_parser(self, text: str) -> None:
        template = template_of(RED)
        assert template is not None
        for escaped in (True, False):
            if not escaped and any("\ud800" <= letter <= "\udfff" for letter in text):
                continue
            frame = json.dumps(chunk({"content": text}), ensure_ascii=escaped).encode()
            assert template.read(event_of(frame)) == (text,)
            assert template.chunk([text]) == ChatCompletionChunk.from_dict(json.loads(frame))

    @pytest.mark.parametrize("frame", [ROLE, RED, {**RED, "service_tier": "gold", "usage": None, "error": None}])
    def test_template_keeps_constant_members(self, frame: dict[str, Any]) -> None:
        template = template_of(frame)
        assert template is not None
        frame = json.loads(json.dumps(frame))
        frame["choices"][0]["delta"]["content"] = "Green"
        assert template.chunk(["Green"]).to_dict() == ChatCompletionChunk.from_dict(frame).to_dict()

    def test_template_gives_a_new_chunk_for_each_event(self, template: ChunkTemplate) -> None:
        first = template.chunk(["a"])
        first.additional_properties["mine"] = 1
        first.choices[0].additional_properties["mine"] = 1
        first.choices[0].delta.additional_properties["mine"] = 1
        first.choices.clear()
        assert template.chunk(["Red"]) == ChatCompletionChunk.from_dict(RED)

    def test_template_allows_sse_fields_before_data(self) -> None:
        data = json.dumps(RED)
        event = f"id: 7\nevent: message\ndata:{data}\n\n".encode()
        template = make_template(event, data, CHUNK, CHUNK, max_event_size=1000)
        assert template is not None
        assert template.read(event.replace(b"Red", b"Blue")) == ("Blue",)


def piece(arguments: str) -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": 1, "mark": 7, "function": {"arguments": arguments, "strict": None}}]})


def padded(frame: dict[str, Any], padding: str) -> dict[str, Any]:
    return {"before": padding, **frame, "after": padding[::-1]}


def reasoning(text: str) -> dict[str, Any]:
    frame = chunk({"content": None, "reasoning_content": text})
    frame["choices"][0]["seal"] = text.upper()
    return frame


class TestSeveralStrings:
    @given(st.text(), st.text())
    def test_template_reads_the_same_strings_as_the_parser(self, text: str, padding: str) -> None:
        forms: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
            (piece("{"), piece("}"), piece(text)),
            (padded(RED, "xx"), padded(RED, "yyy"), padded(chunk({"content": text}), padding)),
            (padded(piece("{"), "xx"), padded(piece("}"), "yyy"), padded(piece(text), padding)),
            (reasoning("a"), reasoning("b"), reasoning(text)),
        ]
        for first, second, frame in forms:
            template = template_of(second, first)
            assert template is not None
            for escaped in (True, False):
                data = json.dumps(frame, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
                read = template.match(event_of(data))
                if escaped or data.decode("utf-8", "ignore").encode() == data:
                    assert read == ChatCompletionChunk.from_dict(json.loads(data))
                else:
                    assert read is None

    @pytest.mark.parametrize("text", ['"', '\\"', '"}', '"},"finish_reason":null}],"after":"', "\\", "\\\\", '\\\\"'])
    @pytest.mark.parametrize("padding", ["", "x", '"', "\\", '","after":"'])
    def test_raw_bytes_mean_what_they_mean_to_the_parser(self, text: str, padding: str) -> None:
        template = template_of(padded(RED, "yyy"), padded(RED, "xx"))
        assert template is not None
        data = json.dumps(padded(RED, "yyy")).replace("Red", text).replace("yyy", padding, 1)
        chunk = template.match(event_of(data.encode()))
        if chunk is not None:
            assert chunk == ChatCompletionChunk.from_dict(json.loads(data))

    def test_call_of_a_template_is_new_for_each_event(self) -> None:
        template = template_of(piece("}"), piece("{"))
        assert template is not None
        first = template.chunk(["x"])
        calls = first.choices[0].delta.tool_calls
        assert calls
        assert calls[0].function
        calls[0].function.additional_properties["mine"] = calls[0].additional_properties["mine"] = 1
        calls[0].index = 5
        assert template.chunk(["{"]) == ChatCompletionChunk.from_dict(piece("{"))

    def test_empty_list_of_calls_is_new_for_each_event(self) -> None:
        frame = chunk({"content": "Red", "tool_calls": []})
        parsed = ChatCompletionChunk.from_dict(frame)
        data = json.dumps(frame)
        template = make_template(event_of(frame), data, parsed, parsed, max_event_size=10_000)
        assert template is not None
        for handed_out in (parsed, template.chunk(["x"])):
            calls = handed_out.choices[0].delta.tool_calls
            assert isinstance(calls, list)
            calls.append(ToolCallDelta(index=0))
        assert template.chunk(["Red"]) == ChatCompletionChunk.from_dict(frame)

    @pytest.mark.parametrize("name", ["error", "warning", "type", "code"])
    def test_member_that_decides_what_a_chunk_means_stays_fixed(self, name: str) -> None:
        template = template_of({**RED, name: ""}, {**RED, name: None})
        assert template is not None
        assert template.read(event_of({**RED, name: "rate_limited"})) is None

    def test_same_frame_twice_has_no_other_gaps(self) -> None:
        template = template_of(padded(RED, "xx"), padded(RED, "xx"))
        assert template is not None
        assert template.read(event_of(padded(RED, "yy"))) is None


class TestOtherEvents:
    @pytest.mark.parametrize(
        "event",
        [
            b"",
            b": keep-alive\n\n",
            b"data: [DONE]\n\n",
            event_of(ROLE),
            event_of({**RED, "id": "cmp_2"}),
            event_of({**RED, "usage": USAGE}),
            event_of(chunk({"content": None})),
            event_of(chunk({"content": 1})),
            event_of(RED)[:-1],
            event_of(RED) + event_of(RED),
            event_of(RED).replace(b"Red", b'Red", "content": "x'),
            event_of(RED).replace(b"Red", b'Red"}, "finish_reason": "stop", "x": {"y": "'),
            event_of(RED).replace(b"Red", b"Red\n\ndata: x"),
            event_of(RED).replace(b"Red", b"Red\r\rdata: x"),
            event_of(RED).replace(b"Red", b"a\x00b"),
            event_of(RED).replace(b"Red", b"a\xffb"),
            event_of(RED).replace(b"Red", b"\\x"),
            event_of(RED).replace(b"Red", b"\\"),
        ],
    )
    def test_event_that_does_not_match_is_left_to_the_parser(self, template: ChunkTemplate, event: bytes) -> None:
        assert template.read(event) is None

    def test_too_large_event_is_left_to_the_parser(self) -> None:
        template = template_of(RED, most=len(event_of(RED)))
        assert template is not None
        assert template.read(event_of(chunk({"content": "R" * 5}))) == ("R" * 5,)
        assert template.read(event_of(chunk({"content": "R" * 6}))) is None


class TestFramesWithoutTemplate:
    @pytest.mark.parametrize(
        "frame",
        [
            chunk({}),
            chunk({"content": None}),
            chunk({"content": "Red"}, "stop"),
            chunk({"content": "Red", "reasons": ["a list would be shared"]}),
            chunk({"content": "Red", "tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
            chunk({"tool_calls": [{"index": 0}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"name": "look_up"}}]}),
            chunk({"tool_calls": [{"index": at, "function": {"arguments": "{"}} for at in (0, 1)]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{"}, "marks": [1]}]}),
            {**RED, "usage": USAGE},
            {**RED, "choices": []},
            {**RED, "choices": RED["choices"] * 2},
            {**RED, "filters": ["a list would be shared"]},
            {**RED, "choices": [{**RED["choices"][0], "logprobs": {"content": []}}]},
        ],
    )
    def test_frame_with_more_than_text_gives_no_template(self, frame: dict[str, Any]) -> None:
        assert template_of(frame) is None

    def test_template_finds_the_text_among_equal_members(self) -> None:
        # The place is found by trying, not by its looks.
        data = json.dumps({"content": "elsewhere", **RED})
        template = template_of(data.encode())
        assert template is not None
        assert template.read(event_of(data.replace("Red", "Blue").encode())) == ("Blue",)
        assert template.read(event_of(data.replace("elsewhere", "moved").encode())) is None

    def test_data_in_several_lines_gives_no_template(self) -> None:
        data = json.dumps(RED, indent=1)
        event = b"".join(b"data: " + line.encode() + b"\n" for line in data.split("\n")) + b"\n"
        assert make_template(event, data, CHUNK, CHUNK, max_event_size=1000) is None
