"""Faults that show only in combinations: a key and a disconnect, a call and a replay."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from ..application import Application
from ..canonical_json import canonical
from ..changes import FAULTS
from ..chat_request import ChatRequest
from ..completions import Completion
from ..errors import ApiError
from ..messages import Call, Response
from ..seams import around
from ..streams import Frame, Stream
from .documents import edit_documents

CREATE = "api-reference/chat/create-a-chat-completion"
RETRIEVE = "api-reference/chat/retrieve-a-stored-chat-completion"
CANCEL = "api-reference/chat/cancel-an-in-flight-chat-completion"
STREAMING = "api-reference/chat/streaming"
CHAT_KEYS = "api-reference/chat/idempotency"
GLOBAL = "idempotency"


def _keyed_streams(application: Application) -> set[str]:
    """The ids of the streams that were sent a key, as they begin."""
    ids: set[str] = set()

    def note(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        if stream.keyed:
            ids.add(stream.completion.id)
        return frames

    application.seams.frames.append(note)
    return ids


@FAULTS.plant(CANCEL, "cancel_keyed_stream")
def keyed_stream_cannot_be_cancelled(application: Application) -> None:
    """A stream with a key cannot be cancelled."""
    keyed = _keyed_streams(application)

    @around(application.chat, "cancel")
    def cancel(original: Any, call: Call) -> Response:
        if call.target in keyed:
            raise ApiError("chat_cancel_target_not_cancellable", "The completion has an idempotency key.")
        response: Response = original(call)
        return response


@FAULTS.plant(STREAMING, "disconnected_keyed")
def keyed_stream_outlives_its_client(application: Application) -> None:
    """A stream with a key goes on to its end when its client disconnects."""
    keyed = _keyed_streams(application)

    @around(application.chat, "abandon")
    def abandon(original: Any, completion: Completion) -> None:
        if completion.id in keyed and completion.status == "in_progress":
            completion.produced = len(completion.answer.pieces)
            application.chat.complete(completion)
        else:
            original(completion)


def _calls_tools(document: Any) -> bool:
    return isinstance(document, dict) and bool(document["choices"][0]["message"].get("tool_calls"))


@FAULTS.plant(CHAT_KEYS, "replay_tools")
def replay_loses_calls(application: Application) -> None:
    """A replay of an answer that calls tools has no calls."""

    def lose(call: Call, response: Response) -> None:
        if call.replayed and _calls_tools(response.document):
            del response.document["choices"][0]["message"]["tool_calls"]

    application.seams.response.append(lose)


@FAULTS.plant(CHAT_KEYS, "spent_replayed_tools")
def replayed_calls_charged(application: Application) -> None:
    """A replay of an answer that calls tools is charged."""

    def charge(call: Call, response: Response) -> None:
        if call.replayed and call.team is not None and _calls_tools(response.document):
            call.team.ledger.settle("replay", 1000)

    application.seams.response.append(charge)


@FAULTS.plant(RETRIEVE, "retrieve_logprobs")
def retrieved_without_logprobs(application: Application) -> None:
    """A retrieved completion has lost its log probabilities."""
    edit_documents(
        application,
        lambda call, completion: call.route == "retrieve",
        lambda document: document["choices"][0].pop("logprobs", None),
    )


@FAULTS.plant("api-reference/chat/cancellation", "spent_late_cancel")
def late_cancel_refunds(application: Application) -> None:
    """A cancel of what has ended gives its charge back."""
    refunded: set[str] = set()

    @around(application.chat, "cancel")
    def cancel(original: Any, call: Call) -> Response:
        completion = application.chat.find(call)
        if completion is not None and completion.status != "in_progress" and completion.id not in refunded:
            refunded.add(completion.id)
            completion.team.ledger.credits += completion.charge()
        response: Response = original(call)
        return response


@FAULTS.plant(CREATE, "create_four_stops")
def later_stops_ignored(application: Application) -> None:
    """Of more than two stop sequences only two are used."""

    def forget(call: Call, request: ChatRequest) -> None:
        request.stop = request.stop[:2]

    application.seams.request.append(forget)


def _fingerprint(application: Application, function: Callable[[Any], str]) -> None:
    application.chat.idempotency.fingerprint = lambda raw, body: function(body)  # type: ignore[method-assign]


def _unescaped(body: Any) -> str:
    return canonical(body).encode().decode("unicode_escape")


@FAULTS.plant(GLOBAL, "conflict_by_unknown_member")
def unknown_members_overlooked(application: Application) -> None:
    """Members that no page lists are left out when bodies are compared."""
    _fingerprint(
        application, lambda body: canonical({name: body[name] for name in body if name not in ("metadata", "user")})
    )


@FAULTS.plant(GLOBAL, "conflict_by_case")
def capitals_overlooked(application: Application) -> None:
    """Bodies are compared without regard to case."""
    _fingerprint(application, lambda body: _unescaped(body).lower())


@FAULTS.plant(GLOBAL, "conflict_by_accent")
def accents_overlooked(application: Application) -> None:
    """Bodies are compared in a normal form of Unicode."""
    _fingerprint(application, lambda body: unicodedata.normalize("NFC", _unescaped(body)))


@FAULTS.plant(CANCEL, "retrieve_cancelled_twice")
def second_cancel_loses_the_error(application: Application) -> None:
    """After a second cancel the record has no error."""

    @around(application.chat, "cancel")
    def cancel(original: Any, call: Call) -> Response:
        completion = application.chat.find(call)
        if completion is not None and completion.status == "cancelled":
            completion.error_code = None
        response: Response = original(call)
        return response


@FAULTS.plant(STREAMING, "stream_keyed_tools")
def usage_missing_of_keyed_calls(application: Application) -> None:
    """A stream of tool calls with a key ends without usage."""

    def lose(stream: Stream, frames: Iterator[Frame]) -> Iterator[Frame]:
        for frame in frames:
            if frame.kind == "last" and {"keyed", "tools"} <= stream.kinds:
                frame.data.pop("usage", None)
            yield frame

    application.seams.frames.append(lose)


@FAULTS.plant(CREATE, "create_cut_logprobs")
def logprobs_missing_when_cut(application: Application) -> None:
    """An answer cut by max_tokens has no log probabilities."""
    edit_documents(
        application,
        lambda call, completion: completion.finish_reason == "length",
        lambda document: document["choices"][0].pop("logprobs", None),
    )
