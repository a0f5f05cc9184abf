"""Faults of idempotency keys that are sent with streams."""

from __future__ import annotations

from typing import Any

from ..application import Application
from ..changes import FAULTS
from ..completions import Completion
from ..errors import ApiError
from ..fake_model import Answer
from ..messages import Call, Response
from ..seams import around
from ..streams import Frame

CHAT = "api-reference/chat/idempotency"


@FAULTS.plant("api-reference/chat/streaming", "stream_keyed", "two_keyed_streams")
def ignored_streaming_missing(application: Application) -> None:
    """A stream with a key carries no Aurous-Idempotency-Status."""

    def change(call: Call, response: Response) -> None:
        if call.idempotency_key is not None:
            response.headers.pop("Aurous-Idempotency-Status", None)

    application.seams.response.append(change)


@FAULTS.plant("api-reference/chat/streaming", "stream_keyed", "two_keyed_streams")
def ignored_streaming_says_accepted(application: Application) -> None:
    """A stream with a key has Aurous-Idempotency-Status accepted."""

    def change(call: Call, response: Response) -> None:
        if response.stream is not None and call.idempotency_key is not None:
            response.headers["Aurous-Idempotency-Status"] = "accepted"

    application.seams.response.append(change)


@FAULTS.plant("api-reference/chat/streaming", "stream_keyed")
def warning_missing(application: Application) -> None:
    """A stream with a key carries no warning."""
    application.seams.frames.append(lambda stream, frames: (frame for frame in frames if frame.kind != "warning"))


@FAULTS.plant("api-reference/chat/streaming", "stream_keyed")
def warning_after_the_role(application: Application) -> None:
    """The warning of a stream with a key comes second."""

    def swap(stream: Any, frames: Any) -> Any:
        warning = None
        for frame in frames:
            if frame.kind == "warning":
                warning = frame
                continue
            yield frame
            if warning is not None:
                yield warning
                warning = None

    application.seams.frames.append(swap)


@FAULTS.plant(CHAT, "stream_then_document")
def stream_takes_key_into_use(application: Application) -> None:
    """A stream uses up its key, so that a later document with it is a conflict."""

    def take(call: Call, response: Response) -> None:
        if response.stream is not None and call.idempotency_key is not None and call.team is not None:
            application.chat.idempotency.begin(call.team, call.idempotency_key, call.request.body, call.body)

    application.seams.response.append(take)


@FAULTS.plant(CHAT, "two_keyed_streams")
def second_keyed_stream_refused(application: Application) -> None:
    """A second stream with the same key is a conflict."""
    seen: set[str] = set()

    def refuse(call: Call, request: Any) -> None:
        if call.idempotency_key is not None and call.streams:
            if call.idempotency_key in seen:
                raise ApiError("idempotency_key_in_use", "This idempotency key was used before.")
            seen.add(call.idempotency_key)

    application.seams.request.append(refuse)


@FAULTS.plant(CHAT, "two_keyed_streams")
def second_keyed_stream_free(application: Application) -> None:
    """A second stream with the same key is not charged, though its receipt says so."""
    seen: set[str] = set()
    free: set[int] = set()

    def watch(call: Call, request: Any, answer: Answer) -> None:
        if call.idempotency_key is not None and call.streams:
            if call.idempotency_key in seen:
                free.add(id(answer))
            seen.add(call.idempotency_key)

    @around(application.chat, "settle")
    def settle(original: Any, completion: Completion) -> None:
        if id(completion.answer) in free:
            completion.team.ledger.release(completion.id)
        else:
            original(completion)

    application.seams.answer.append(watch)


@FAULTS.plant("api-reference/chat/streaming", "stream_keyed")
def warning_as_a_comment(application: Application) -> None:
    """The warning of a stream with a key is a comment instead of data."""

    def comment(stream: Any, frames: Any) -> Any:
        for frame in frames:
            yield Frame("comment", "the key is ignored") if frame.kind == "warning" else frame

    application.seams.frames.append(comment)
