"""Faults of the grammar of streams, receipts included."""

import json

from mutants.messages import Bytes, Frame, Request, Response
from mutants.registry import Behaviour, Frames, Replacement, fault

PAGE = "api-reference/chat/streaming"
CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
DONE_LAST = "The stream ends with data: [DONE], and nothing follows it."
SAME = "All frames carry the same id, created and model."
ROLE = "The first delta carries the role."
ONE_FINISH = "Exactly one chunk has a finish_reason."
USAGE = "The last chunk before [DONE] carries usage, unless include_usage is false."
WORDS = "The record has the text of the stream."
FRAMED = "Each frame is data: and JSON, closed by a blank line."


@fault.response("stream.mislabelled", "A stream is text/event-stream.", PAGE)
def label_as_json(request: Request, response: Response) -> None:
    if response.streamed:
        response.headers["content-type"] = "application/json"


@fault.response("stream.cacheable", "A stream is sent with Cache-Control: no-cache, no-transform.", PAGE)
def drop_cache_control(request: Request, response: Response) -> None:
    if response.streamed:
        del response.headers["cache-control"]


@fault.request("stream.not_streamed", "With stream: true the answer is a stream.", PAGE)
def answer_at_once(request: Request) -> Replacement:
    if request.streams:
        request.body["stream"] = False
        request.key = None
    return None


@fault.request("stream.always", "Without stream: true the answer is one document.", CREATE_PAGE)
def stream_always(request: Request) -> Replacement:
    if request.creates and request.body.get("stream") is False:
        request.body["stream"] = True
    return None


@fault.frame("stream.no_done", DONE_LAST, PAGE)
def drop_done(frame: Frame) -> Frames:
    return () if frame.is_done else None


@fault.frame("stream.done_misspelt", DONE_LAST, PAGE)
def misspell_done(frame: Frame) -> Frames:
    if frame.is_done:
        frame.content = Bytes(b"[done]")
    return None


@fault.frame("stream.done_twice", DONE_LAST, PAGE)
def repeat_done(frame: Frame) -> Frames:
    return (frame, frame) if frame.is_done else None


@fault.frame("stream.done_first", DONE_LAST, PAGE)
def end_before_the_receipt(frame: Frame) -> Frames:
    if frame.is_final:
        frame.stream["last"] = frame
        return ()
    return (frame, frame.stream["last"]) if frame.is_done and "last" in frame.stream else None


@fault.frame("stream.id_changes", SAME, PAGE)
def change_id(frame: Frame) -> Frames:
    if frame.is_final:
        frame.body["id"] += "X"
    return None


@fault.frame("stream.created_changes", SAME, PAGE)
def change_created(frame: Frame) -> Frames:
    if frame.is_final:
        frame.body["created"] += 1
    return None


@fault.frame("stream.model_changes", SAME, PAGE)
def change_model(frame: Frame) -> Frames:
    if frame.is_final:
        frame.body["model"] = "aurous-grow-2.0"
    return None


@fault.frame("stream.other_object", "object is chat.completion.chunk.", PAGE)
def change_object(frame: Frame) -> Frames:
    if frame.body:
        frame.body["object"] = "chat.completion"
    return None


@fault.frame("stream.id_is_another", WORDS, PAGE)
def change_every_id(frame: Frame) -> Frames:
    if frame.body:
        frame.body["id"] += "0"
    return None


@fault.frame("stream.no_role", ROLE, PAGE)
def drop_role(frame: Frame) -> Frames:
    frame.delta.pop("role", None)
    return None


@fault.frame("stream.role_late", ROLE, PAGE)
def delay_role(frame: Frame) -> Frames:
    if frame.delta.pop("role", None):
        return ()
    if frame.is_final:
        frame.choice["delta"] = {**frame.delta, "role": "assistant"}
    return None


@fault.frame("stream.no_finish", ONE_FINISH, PAGE)
def nullify_finish_reason(frame: Frame) -> Frames:
    if frame.is_final:
        frame.choice["finish_reason"] = None
    return None


@fault.frame("stream.two_finishes", ONE_FINISH, PAGE)
def finish_twice(frame: Frame) -> Frames:
    if not frame.is_final:
        return None
    early = frame.copy()
    early.body.pop("usage", None)
    return early, frame


@fault.frame("stream.finish_early", "The finish_reason follows all text.", PAGE)
def finish_with_the_first_word(frame: Frame) -> Frames:
    if frame.has_content and not frame.stream.get("finished"):
        frame.stream["finished"] = True
        frame.choice["finish_reason"] = "stop"
    elif frame.is_final:
        frame.choice["finish_reason"] = None
    return None


@fault.frame("stream.finish_differs", "The record has the finish_reason of the stream.", PAGE)
def change_finish_reason(frame: Frame) -> Frames:
    if frame.is_final:
        frame.choice["finish_reason"] = "length" if frame.choice["finish_reason"] == "stop" else "stop"
    return None


@fault.frame("stream.no_usage", USAGE, PAGE)
def drop_usage(frame: Frame) -> Frames:
    frame.body.pop("usage", None)
    return None


@fault.frame("stream.null_usage", USAGE, PAGE)
def nullify_usage(frame: Frame) -> Frames:
    if "usage" in frame.body:
        frame.body["usage"] = None
    return None


@fault.frame("stream.usage_early", USAGE, PAGE)
def send_usage_before_the_end(frame: Frame) -> Frames:
    if not frame.is_final or "usage" not in frame.body:
        return None
    early = frame.copy()
    early.choice["finish_reason"] = None
    del frame.body["usage"]
    return early, frame


@fault.behaviour("stream.usage_on_request", "include_usage is true when left out.", CREATE_PAGE)
class UsageOnRequest(Behaviour):
    """As OpenAI does."""

    def frame(self, request: Request, frame: Frame) -> Frames:
        if (request.body.get("stream_options") or {}).get("include_usage") is not True:
            frame.body.pop("usage", None)
        return None


@fault.request("stream.usage_not_suppressed", "include_usage: false suppresses usage.", CREATE_PAGE)
def send_usage_always(request: Request) -> Replacement:
    if request.streams:
        request.body.pop("stream_options", None)
    return None


@fault.frame("stream.receipt_differs", "The record has the receipt of the stream.", PAGE)
def round_receipt(frame: Frame) -> Frames:
    if usage := frame.body.get("usage"):
        usage["completion_tokens"] += 1
        usage["total_tokens"] += 1
    return None


@fault.frame("stream.bad_json", FRAMED, PAGE)
def truncate_json(frame: Frame) -> Frames:
    if frame.is_final:
        frame.content = Bytes(frame.content.raw[:-1])
    return None


@fault.frame("stream.python_literals", FRAMED, PAGE)
def write_python_literals(frame: Frame) -> Frames:
    if frame.has_content:
        frame.content = Bytes(repr(frame.body).encode())
    return None


@fault.frame("stream.bad_utf8", "Event streams are UTF-8.", PAGE)
def spoil_utf8(frame: Frame) -> Frames:
    if frame.has_content:
        frame.content = Bytes(json.dumps(frame.body).encode().replace(b'"content": "', b'"content": "\xff', 1))
    return None


@fault.frame("stream.single_newlines", FRAMED, PAGE)
def drop_blank_lines(frame: Frame) -> Frames:
    return (Frame.raw(frame.encode()[:-1]),)


@fault.frame("stream.bare_json", FRAMED, PAGE)
def drop_field_name(frame: Frame) -> Frames:
    return (Frame.raw(frame.content.raw + b"\n\n"),)


@fault.frame("stream.two_choices", "There is one choice.", PAGE)
def add_choice(frame: Frame) -> Frames:
    if frame.has_content:
        frame.body["choices"].append({**frame.choice, "index": 1})
    return None


@fault.frame("stream.choice_from_one", "The one choice has index 0.", PAGE)
def count_from_one(frame: Frame) -> Frames:
    if frame.choice:
        frame.choice["index"] = 1
    return None
