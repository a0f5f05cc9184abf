"""Faults that show only in combinations: a key and a stream, a call and a replay, a cut and log probabilities."""

import unicodedata
from copy import deepcopy
from typing import Any

from mutants.messages import BALANCE, Frame, Request, Response, crash, refusal
from mutants.registry import Behaviour, Frames, Replacement, fault
from mutants.variants.records import StreamsOf

CREATE_PAGE = "api-reference/chat/create-a-chat-completion"
GET_PAGE = "api-reference/chat/retrieve-a-stored-chat-completion"
CANCEL_PAGE = "api-reference/chat/cancel-an-in-flight-chat-completion"
STREAMING = "api-reference/chat/streaming"
TOOLS = "api-reference/chat/tools"
BALANCE_PAGE = "api-reference/public-api-v1/get-credit-balance"
CHAT_KEYS = "api-reference/chat/idempotency"
KEYS = "idempotency"
WHOLE = "The whole body is compared."
STOPS = "The answer stops at any of the stop sequences."


@fault.frame("stream.call_id_changes", "A streamed call, put together, is the call of the record.", TOOLS)
def change_call_id(frame: Frame) -> Frames:
    for call in frame.delta.get("tool_calls") or []:
        if "id" not in call:
            call["id"] = "call_of_this_chunk"
    return None


@fault.behaviour("stream.usage_missing_of_keyed_calls", "The last chunk carries usage.", STREAMING)
class UsageMissingOfKeyedCalls(Behaviour):
    def frame(self, request: Request, frame: Frame) -> Frames:
        if request.key is not None and request.body.get("tools"):
            frame.body.pop("usage", None)
        return None


@fault.request("limits.later_stops_ignored", STOPS, CREATE_PAGE)
def keep_two_stops(request: Request) -> Replacement:
    stop = request.body.get("stop") if request.creates else None
    if isinstance(stop, list) and 2 < len(stop) <= 4:
        request.body["stop"] = stop[:2]
    return None


def _is_cut(completion: dict[str, Any]) -> bool:
    return bool(completion["choices"][0]["finish_reason"] == "length")


@fault.completion("logprobs.lost_when_cut", "logprobs: true returns log probabilities.", CREATE_PAGE)
def lose_logprobs_when_cut(completion: dict[str, Any]) -> None:
    if _is_cut(completion):
        completion["choices"][0]["logprobs"] = None


@fault.response("retrieval.logprobs_lost", "A completion is retrieved as it was created.", GET_PAGE)
def lose_logprobs_of_record(request: Request, response: Response) -> None:
    if request.retrieves and response.completion:
        response.completion["choices"][0].pop("logprobs", None)


@fault.response("idempotency.replayed_calls_lost", "A replay is the same body.", CHAT_KEYS)
def lose_replayed_calls(request: Request, response: Response) -> None:
    if response.replayed and response.completion:
        response.completion["choices"][0]["message"].pop("tool_calls", None)


class Ledger(Behaviour):
    """Adds the credits that this fault has charged or refunded to every balance."""

    def __init__(self) -> None:
        self.difference = 0.0

    def response(self, request: Request, response: Response) -> None:
        if request.path == BALANCE and response.status == 200:
            for member in ("credits", "available_credits"):
                response.body[member] = round(response.body[member] + self.difference, 6)
        else:
            self.note(request, response)

    def note(self, request: Request, response: Response) -> None:
        """Called with every other answer."""


@fault.behaviour("balance.replayed_calls_charged", "A replay is not charged.", CHAT_KEYS)
class ReplayedCallsCharged(Ledger):
    def note(self, request: Request, response: Response) -> None:
        if response.replayed and response.body["choices"][0]["message"].get("tool_calls"):
            self.difference -= 0.001


@fault.behaviour(
    "balance.late_cancel_refunded", "A completion that has ended stays charged.", "api-reference/chat/cancellation"
)
class LateCancelRefunded(Ledger):
    def __init__(self) -> None:
        super().__init__()
        self._charged: dict[str, float] = {}

    def note(self, request: Request, response: Response) -> None:
        if response.completion:
            self._charged[response.body["id"]] = response.body["usage"]["credits_charged"]
        elif request.cancels and response.status == 409:
            self.difference += self._charged.pop(request.completion_id, 0.0)


@fault.behaviour(
    "balance.streams_charged_when_read", "Reading is not charged.", "api-reference/public-api-v1/get-credit-balance"
)
class StreamsChargedWhenRead(Ledger):
    def __init__(self) -> None:
        super().__init__()
        self._streamed: set[str] = set()

    def frame(self, request: Request, frame: Frame) -> Frames:
        self._streamed.add(str(frame.body.get("id")))
        return None

    def note(self, request: Request, response: Response) -> None:
        if request.retrieves and request.completion_id in self._streamed:
            self.difference -= 0.001


def _rewrite_texts(request: Request, rewrite: Any) -> None:
    """Rewrite the texts of a request that has a key, so that its body is compared as rewritten."""
    for message in request.body.get("messages") or [] if request.creates and request.key is not None else []:
        if isinstance(message, dict) and isinstance(message.get("content"), str):
            message["content"] = rewrite(message["content"])


@fault.request("idempotency.capitals_overlooked", WHOLE, KEYS)
def overlook_capitals(request: Request) -> Replacement:
    _rewrite_texts(request, str.lower)
    return None


@fault.request("idempotency.accents_overlooked", WHOLE, KEYS)
def overlook_accents(request: Request) -> Replacement:
    _rewrite_texts(request, lambda text: unicodedata.normalize("NFC", text))
    return None


@fault.request("idempotency.unknown_members_overlooked", WHOLE, KEYS)
def overlook_unknown_members(request: Request) -> Replacement:
    if request.creates and request.key is not None:
        for member in ("metadata", "user", "x_unknown"):
            request.body.pop(member, None)
    return None


@fault.behaviour("cancel.keyed_refused", "A stream with a key can be cancelled, as the key is ignored.", CANCEL_PAGE)
class KeyedRefused(Behaviour):
    def __init__(self) -> None:
        self._keyed: set[str] = set()

    def frame(self, request: Request, frame: Frame) -> Frames:
        if request.key is not None:
            self._keyed.add(str(frame.body.get("id")))
        return None

    def request(self, request: Request) -> Replacement:
        if request.cancels and request.completion_id in self._keyed:
            code = "chat_cancel_target_not_cancellable"
            return refusal(409, "invalid_request", code, "It has a key.", None)
        return None


@fault.behaviour("cancel.second_changes_record", "Cancelling a completion that has ended changes nothing.", CANCEL_PAGE)
class SecondChangesRecord(Behaviour):
    def __init__(self) -> None:
        self._changed: set[str] = set()

    def response(self, request: Request, response: Response) -> None:
        if request.cancels and response.status == 409:
            self._changed.add(request.completion_id)
        elif response.completion and request.retrieves and request.completion_id in self._changed:
            response.completion["choices"][0]["message"]["content"] = ""


@fault.response("cancel.record_redated", "The record has the members of the stream.", CANCEL_PAGE)
def redate_cancelled(request: Request, response: Response) -> None:
    if response.completion and response.completion["status"] == "cancelled":
        response.completion["created"] += 1


@fault.request("hostile.null_stream_options_crash", "A null for an optional member is not a 5xx.", CREATE_PAGE)
def crash_on_null_options(request: Request) -> Replacement:
    if request.creates and request.body.get("stream_options", True) is None:
        return crash()
    return None


@fault.request(
    "limits.context_window_unchecked_in_streams",
    "A prompt beyond the context window is refused, streamed or not.",
    "api-reference/errors/max_input_tokens_exceeded",
)
def shorten_long_streams(request: Request) -> Replacement:
    if request.streams and len(request.content.raw) > 200_000:
        body = deepcopy(request.body)
        body["messages"] = [{"role": "user", "content": "Rain."}]
        request.content.value = body
    return None


@fault.behaviour("stream.logprobs_of_cut_lost", "logprobs: true returns log probabilities in streams.", CREATE_PAGE)
class LogprobsOfCutLost(StreamsOf):
    def frame(self, request: Request, frame: Frame) -> Frames:
        most = request.body.get("max_tokens")
        if isinstance(most, int) and most < 10 and frame.choice:
            frame.choice.pop("logprobs", None)
        return None
