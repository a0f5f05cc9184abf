"""Legal variations of streams: what event streams, HTTP and the documentation leave open."""

import json

from mutants.messages import Bytes, Frame, Request, Response
from mutants.registry import Behaviour, Frames, variation

SSE = "WHATWG HTML, server-sent events"
PAGE = "api-reference/chat/streaming"
KEYS = "api-reference/chat/idempotency"
TOOLS = "api-reference/chat/tools"


@variation.frame("stream.crlf", "Lines may end in CR LF.", SSE)
def end_lines_in_crlf(frame: Frame) -> Frames:
    return (Frame.raw(frame.encode().replace(b"\n", b"\r\n")),)


@variation.frame("stream.cr", "Lines may end in CR alone.", SSE)
def end_lines_in_cr(frame: Frame) -> Frames:
    return (Frame.raw(frame.encode().replace(b"\n", b"\r")),)


@variation.frame("stream.byte_order_mark", "A stream may begin with a byte order mark.", SSE)
def begin_with_mark(frame: Frame) -> Frames:
    if frame.stream.get("begun"):
        return None
    frame.stream["begun"] = True
    return (Frame.raw(b"\xef\xbb\xbf" + frame.encode()),)


@variation.frame("stream.keep_alives", "Comments are legal anywhere.", PAGE)
def keep_alive(frame: Frame) -> Frames:
    return Frame.raw(b": keep-alive\n\n"), Frame.raw(b":\n"), frame


@variation.frame("stream.comment_after_done", "Comments are legal anywhere.", SSE)
def comment_at_the_end(frame: Frame) -> Frames:
    return (frame, Frame.raw(b": bye\n\n")) if frame.is_done else None


@variation.frame("stream.no_space", "The space after data: is optional.", SSE)
def drop_space(frame: Frame) -> Frames:
    return (Frame.raw(frame.encode().replace(b"data: ", b"data:", 1)),)


@variation.frame("stream.event_message", "message is the default type of events.", SSE)
def name_events(frame: Frame) -> Frames:
    return (Frame.raw(b"event: message\n" + frame.encode()),) if frame.framed else None


@variation.frame("stream.event_ids", "Events may carry id and retry.", SSE)
def number_events(frame: Frame) -> Frames:
    frame.stream["number"] = frame.stream.get("number", 0) + 1
    fields = f"id: {frame.stream['number']}\nretry: 3000\n".encode()
    return (Frame.raw(fields + frame.encode()),) if frame.framed else None


@variation.frame("stream.many_lines", "The data of an event may be split into lines.", SSE)
def break_lines(frame: Frame) -> Frames:
    if not frame.body:
        return None
    lines = json.dumps(frame.body, indent=1).encode().split(b"\n")
    return (Frame.raw(b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"),)


@variation.frame("stream.blank_lines", "Blank lines without data are not events.", SSE)
def add_blank_lines(frame: Frame) -> Frames:
    return frame, Frame.raw(b"\n\n")


@variation.frame("stream.json_spaces", "White space in JSON is insignificant.", "RFC 8259")
def add_spaces(frame: Frame) -> Frames:
    if frame.body:
        frame.content = Bytes(json.dumps(frame.body, ensure_ascii=True).encode())
    return None


@variation.frame("stream.cut_anywhere", "HTTP may cut a stream anywhere.", "RFC 9112")
def cut(frame: Frame) -> Frames:
    raw = frame.encode()
    return [Frame.raw(raw[start : start + 11]) for start in range(0, len(raw), 11)]


@variation.frame("stream.joined", "HTTP may join what was sent separately.", "RFC 9112")
def join(frame: Frame) -> Frames:
    waiting = frame.stream.pop("waiting", b"")
    if waiting or frame.is_done or frame.is_final:
        return (Frame.raw(waiting + frame.encode()),)
    frame.stream["waiting"] = frame.encode()
    return ()


@variation.response("stream.no_charset", "Event streams are UTF-8, with or without a charset.", SSE)
def drop_charset(request: Request, response: Response) -> None:
    if response.streamed:
        response.headers["content-type"] = "text/event-stream"


@variation.response("stream.charset_in_capitals", "The charset parameter is case-insensitive.", "RFC 9110")
def capitalise_charset(request: Request, response: Response) -> None:
    if response.streamed:
        response.headers["content-type"] = "text/event-stream;charset=UTF-8"


@variation.frame("stream.usage_apart", "Usage may be sent in a chunk of its own, as OpenAI sends it.", PAGE)
def send_usage_apart(frame: Frame) -> Frames:
    usage = frame.body.pop("usage", None)
    if usage is None:
        return None
    apart = frame.copy()
    apart.body["choices"] = []
    apart.body["usage"] = usage
    return frame, apart


@variation.frame("stream.usage_null_until_the_end", "usage may be null in a chunk.", "openapi.yaml")
def set_usage_to_null(frame: Frame) -> Frames:
    if frame.body and not frame.is_final and not frame.has_warning:
        frame.body["usage"] = None
    return None


@variation.frame("stream.role_in_every_delta", "Later deltas may repeat the role.", PAGE)
def repeat_role(frame: Frame) -> Frames:
    if frame.has_content:
        frame.delta["role"] = "assistant"
    return None


@variation.frame("stream.role_with_words", "The first delta may have text beside the role.", PAGE)
def join_role_and_words(frame: Frame) -> Frames:
    if frame.delta.get("role") and not frame.has_content:
        frame.stream["role"] = True
        return ()
    if frame.stream.pop("role", False) and frame.choice:
        frame.choice["delta"] = {**frame.delta, "role": "assistant"}
    return None


@variation.frame(
    "stream.no_finish_reason_until_the_end", "finish_reason may be absent while unfinished.", "openapi.yaml"
)
def drop_null_finish(frame: Frame) -> Frames:
    if frame.choice and not frame.is_final:
        frame.choice.pop("finish_reason", None)
    return None


@variation.frame("stream.empty_words", "A delta may have no text.", PAGE)
def add_empty_words(frame: Frame) -> Frames:
    if not frame.has_content:
        return None
    empty = frame.copy()
    empty.delta["content"] = ""
    empty.choice.pop("logprobs", None)
    return empty, frame


@variation.frame("stream.words_with_the_finish", "The last chunk may have the last words.", PAGE)
def finish_with_words(frame: Frame) -> Frames:
    if frame.has_content:
        waiting = frame.stream.get("waiting")
        frame.stream["waiting"] = frame
        return (waiting,) if waiting else ()
    waiting = frame.stream.pop("waiting", None)
    if waiting and frame.is_final:
        frame.choice["delta"] = waiting.delta
        if "logprobs" in waiting.choice:
            frame.choice["logprobs"] = waiting.choice["logprobs"]
        return None
    return (waiting, frame) if waiting else None


@variation.behaviour("stream.warning_in_first_chunk", "The warning may stand inside the first chunk.", KEYS)
class WarningInFirstChunk(Behaviour):
    def frame(self, request: Request, frame: Frame) -> Frames:
        if frame.has_warning:
            frame.stream["warning"] = frame.body["warning"]
            return ()
        if frame.body and "warning" in frame.stream:
            frame.body["warning"] = frame.stream.pop("warning")
        return None


@variation.frame("stream.warning_alone", "The shape of the warning is not documented.", KEYS)
def send_warning_only(frame: Frame) -> Frames:
    if frame.has_warning:
        frame.content.value = {"warning": frame.body["warning"]}
    return None


@variation.response("stream.no_status_without_key", "The header may be sent only with a key.", KEYS)
def drop_not_set(request: Request, response: Response) -> None:
    if response.streamed and not request.key:
        del response.headers["aurous-idempotency-status"]


@variation.frame("stream.chunk_without_choices_first", "A chunk has one choice at most.", PAGE)
def begin_without_choices(frame: Frame) -> Frames:
    if frame.delta.get("role") and "begun" not in frame.stream:
        frame.stream["begun"] = True
        empty = frame.copy()
        empty.body["choices"] = []
        return empty, frame
    return None


@variation.frame("stream.role_with_null_content", "delta.content is a string or null.", PAGE)
def send_null_beside_role(frame: Frame) -> Frames:
    if frame.delta.get("role") and not frame.delta.get("content"):
        frame.delta["content"] = None
    return None


@variation.frame("stream.call_name_in_two_pieces", "The pieces of a call are joined.", TOOLS)
def cut_call_name(frame: Frame) -> Frames:
    calls = frame.delta.get("tool_calls") or []
    if len(calls) != 1 or len(calls[0].get("function", {}).get("name") or "") < 2:
        return None
    rest = frame.copy()
    name = calls[0]["function"]["name"]
    calls[0]["function"]["name"] = name[:3]
    piece = rest.delta["tool_calls"][0]
    rest.choice["delta"] = {"tool_calls": [{"index": piece["index"], "function": {"name": name[3:]}}]}
    calls[0]["function"].pop("arguments", None)
    arguments = piece["function"].get("arguments")
    if arguments:
        rest.delta["tool_calls"][0]["function"]["arguments"] = arguments
    return frame, rest
