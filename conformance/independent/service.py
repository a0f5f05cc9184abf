"""Chat completions: create, retrieve and cancel, with their charges and their idempotency keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .catalogue import Model, default_models
from .chat_request import ChatRequest
from .clock import Clock
from .completions import Completion
from .errors import ApiError
from .fake_model import FakeModel
from .idempotency import IdempotencyStore
from .ledger import InsufficientCreditsError, as_credits
from .messages import Call, Response
from .seams import Seams
from .streams import Frame, Stream, encode_frame
from .validation import Validator


class ChatService:
    """The completions of all teams. `pace` is the seconds between two tokens of a stream, `latency` of a document."""

    def __init__(self, seams: Seams, clock: Clock, *, pace: float, latency: float) -> None:
        self.seams = seams
        self.clock = clock
        self.pace = pace
        self.latency = latency
        self.models: dict[str, Model] = default_models()
        self.validator = Validator(self.models)
        self.idempotency = IdempotencyStore(clock)
        self.fake_model = FakeModel()
        self.completions: dict[str, Completion] = {}
        self.encode_frame = encode_frame

    def create(self, call: Call) -> Response:
        """Answer POST /v1/chat/completions."""
        self.validator.validate(call.body)
        call.idempotency_key = call.request.headers.get("Idempotency-Key")
        if call.streams:
            return self._stream(call, self._start(call))
        if call.idempotency_key is None:
            return Response(document=self._complete(call))
        return self._create_once(call, call.idempotency_key)

    def _create_once(self, call: Call, key: str) -> Response:
        team, store = self._team(call), self.idempotency
        store.check_key(key)
        document = store.begin(team, key, call.request.body, call.body)
        if document is not None:
            call.replayed = True
            return Response(document=document, headers={"Aurous-Idempotent-Replayed": "true"})
        try:
            document = self._complete(call)
        except BaseException:
            store.forget(team, key)
            raise
        store.finish(team, key, document)
        return Response(document=document)

    def _team(self, call: Call) -> Any:
        return call.team

    def _start(self, call: Call) -> Completion:
        model = self.models.get(call.body["model"]) or next(iter(self.models.values()))
        request = ChatRequest.from_body(call.body, model)
        for edit_request in self.seams.request:
            edit_request(call, request)
        answer = self.fake_model.answer(request)
        for edit_answer in self.seams.answer:
            edit_answer(call, request, answer)
        completion = Completion(self._team(call), model, request, answer)
        self._hold(completion)
        call.completion = self.completions[completion.id] = completion
        return completion

    def _hold(self, completion: Completion) -> None:
        try:
            completion.team.ledger.hold(completion.id, completion.hold())
        except InsufficientCreditsError as error:
            available, required = as_credits(error.available), as_credits(error.required)
            message = f"The available balance is {available} credits; this request needs {required}."
            raise ApiError("balance_too_low", message) from None

    def _complete(self, call: Call) -> dict[str, Any]:
        completion = self._start(call)
        try:
            self.clock.sleep(self.latency)
            completion.produced = len(completion.answer.pieces)
            self.complete(completion)
        finally:
            self.end(completion, "failed", "stop", "internal_error")
        return self.document(call, completion)

    def _stream(self, call: Call, completion: Completion) -> Response:
        stream = Stream(completion, call.idempotency_key is not None, self.pace, self.complete)
        frames = stream.frames()
        for edit in self.seams.frames:
            frames = edit(stream, frames)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform"}
        headers["Aurous-Idempotency-Status"] = "ignored_streaming" if stream.keyed else "not_set"
        return Response(headers=headers, stream=self._encode(frames), on_close=lambda: self.abandon(completion))

    def _encode(self, frames: Iterator[Frame]) -> Iterator[bytes]:
        for frame in frames:
            yield self.encode_frame(frame)

    def complete(self, completion: Completion) -> None:
        """End a completion whose answer is complete; does nothing if it has ended before."""
        self.end(completion, "completed", completion.answer.finish_reason)

    def abandon(self, completion: Completion) -> None:
        """Cancel a completion whose client has disconnected; does nothing if it has ended before."""
        self.end(completion, "cancelled", "cancelled", "cancelled_client_disconnect")

    def end(self, completion: Completion, status: str, finish_reason: str, error_code: str | None = None) -> bool:
        """End a completion and charge for it; False if it has ended before."""
        with completion.lock:
            if not completion.end(status, finish_reason, error_code):
                return False
            self.settle(completion)
            completion.ended.set()
        return True

    def settle(self, completion: Completion) -> None:
        """Replace the hold of a completion that has just ended by its charge."""
        if completion.status == "failed":
            completion.team.ledger.release(completion.id)
        else:
            completion.team.ledger.settle(completion.id, completion.charge())

    def document(self, call: Call, completion: Completion) -> dict[str, Any]:
        document = completion.document()
        for edit in self.seams.document:
            edit(call, completion, document)
        return document

    def find(self, call: Call) -> Completion | None:
        """Return the completion that a path names, if it belongs to the caller."""
        completion = self.completions.get(call.target)
        return completion if completion is not None and completion.team is call.team else None

    def retrieve(self, call: Call) -> Response:
        """Answer GET /v1/chat/completions/{id}."""
        completion = self.find(call)
        if completion is None:
            raise ApiError("resource_not_found", f"There is no completion {call.target!r}.")
        call.completion = completion
        return Response(document=self.document(call, completion))

    def cancel(self, call: Call) -> Response:
        """Answer POST /v1/chat/completions/{id}/cancel."""
        completion = self.find(call)
        if completion is None:
            raise ApiError("chat_cancel_target_not_found", f"There is no completion {call.target!r}.")
        call.completion = completion
        if completion.status == "in_progress" and not completion.request.stream:
            message = "The completion is not streamed and cannot be cancelled."
            raise ApiError("chat_cancel_target_not_cancellable", message)
        if not self.end(completion, "cancelled", "cancelled", "cancelled_by_request"):
            message = f"The completion has ended already; its status is {completion.status}."
            raise ApiError("chat_cancel_target_already_terminal", message)
        return Response(document=self.document(call, completion))
