"""Faults of the content of streams: text, tool calls and warnings."""

from mutants.messages import Frame, Request, Response
from mutants.registry import Frames, fault

PAGE = "api-reference/chat/streaming"
KEYS = "api-reference/chat/idempotency"
WORDS = "The record has the text of the stream."
WARNED = "A stream with a key begins with a warning."
STATUS = "A stream with a key has Aurous-Idempotency-Status: ignored_streaming."


@fault.frame("stream.word_lost", WORDS, PAGE)
def lose_a_word(frame: Frame) -> Frames:
    if frame.has_content:
        frame.stream["words"] = frame.stream.get("words", 0) + 1
        return () if frame.stream["words"] == 2 else None
    return None


@fault.frame("stream.word_repeated", WORDS, PAGE)
def repeat_a_word(frame: Frame) -> Frames:
    if frame.has_content and not frame.stream.get("repeated"):
        frame.stream["repeated"] = True
        return frame, frame
    return None


@fault.frame("stream.words_swapped", WORDS, PAGE)
def swap_words(frame: Frame) -> Frames:
    if not frame.has_content or "swapped" in frame.stream:
        return None
    if "waiting" not in frame.stream:
        frame.stream["waiting"] = frame
        return ()
    frame.stream["swapped"] = True
    return frame, frame.stream["waiting"]


@fault.frame("stream.spaces_lost", WORDS, PAGE)
def strip_words(frame: Frame) -> Frames:
    if frame.has_content:
        frame.delta["content"] = frame.delta["content"].strip()
    return None


@fault.frame("stream.escaped", WORDS, PAGE)
def escape_words(frame: Frame) -> Frames:
    if frame.has_content:
        frame.delta["content"] = frame.delta["content"].replace("'", "&#39;").replace(".", "&#46;")
    return None


@fault.frame("stream.content_number", "delta.content is a string.", PAGE)
def number_content(frame: Frame) -> Frames:
    if frame.has_content:
        frame.delta["content"] = len(frame.delta["content"])
    return None


@fault.frame("stream.message_for_delta", "A chunk's choice has a delta.", PAGE)
def send_messages(frame: Frame) -> Frames:
    if frame.has_content:
        frame.choice["message"] = frame.choice.pop("delta")
    return None


@fault.frame("stream.no_warning", WARNED, KEYS)
def drop_warning(frame: Frame) -> Frames:
    return () if frame.has_warning else None


@fault.frame("stream.warning_late", WARNED, PAGE)
def delay_warning(frame: Frame) -> Frames:
    if frame.has_warning:
        frame.stream["warning"] = frame
        return ()
    return (frame, frame.stream.pop("warning")) if "warning" in frame.stream else None


@fault.frame("stream.warning_without_words", "The warning says that the key was ignored.", KEYS)
def empty_warning(frame: Frame) -> Frames:
    if frame.has_warning:
        frame.body["warning"] = None
    return None


@fault.response("stream.no_status", STATUS, KEYS)
def drop_status(request: Request, response: Response) -> None:
    if request.key:
        del response.headers["aurous-idempotency-status"]


@fault.response("stream.status_accepted", STATUS, KEYS)
def accept_key(request: Request, response: Response) -> None:
    if response.streamed and request.key:
        response.headers["aurous-idempotency-status"] = "accepted"


@fault.response("stream.replay_marked", "A stream is never a replay.", KEYS)
def mark_stream(request: Request, response: Response) -> None:
    if response.streamed and request.key:
        response.headers["aurous-idempotent-replayed"] = "true"


@fault.frame("stream.calls_lost", "The record has the calls of the stream.", PAGE)
def lose_arguments(frame: Frame) -> Frames:
    calls = frame.delta.get("tool_calls") or ()
    for call in calls:
        frame.stream["seen"] = frame.stream.get("seen", 0) + 1
        if frame.stream["seen"] == 3:
            call["function"]["arguments"] = ""
    return None


@fault.frame("stream.calls_misnumbered", "All pieces of a call have the same index.", PAGE)
def change_index(frame: Frame) -> Frames:
    for call in frame.delta.get("tool_calls") or ():
        call["index"] = frame.stream["index"] = frame.stream.get("index", -1) + 1
    return None
