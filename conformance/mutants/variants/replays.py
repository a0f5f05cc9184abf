"""Faults of replays: the response to a reused key, and the comparison of bodies."""

import json
from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any

from mutants.messages import Request, Response
from mutants.registry import Behaviour, Replacement, fault

CHAT = "api-reference/chat/idempotency"
GLOBAL = "idempotency"
REPLAYED = "The same key and body get the stored answer, with Aurous-Idempotent-Replayed: true."
SAME = "A replay has the same body."
CONFLICT = "The same key with another body is 409 idempotency_key_in_use."
CANONICAL = "Bodies are compared as canonical JSON: key order and white space do not matter."
WHOLE = "The whole body is compared."


class Remembering(Behaviour, ABC):
    """Remembers the first body of each key."""

    def __init__(self) -> None:
        self.first: dict[tuple[str, str], dict[str, Any]] = {}
        self.uses: dict[tuple[str, str], int] = {}

    def request(self, request: Request) -> Replacement:
        if not request.creates or request.key is None or request.streams or not request.body:
            return None
        name = request.credential, request.key
        self.uses[name] = self.uses.get(name, 0) + 1
        first = self.first.setdefault(name, deepcopy(request.body))
        return self.again(request, first, self.uses[name]) if self.uses[name] > 1 else None

    @abstractmethod
    def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
        """Called when a key is used again, for the `uses`-th time, with the body of its first use."""


@fault.behaviour("idempotency.regenerated", SAME, CHAT)
class Regenerated(Remembering):
    """Generates the answer again, and marks it as a replay."""

    def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
        if request.body == first:
            request.key = None
            request.headers["x-again"] = "yes"
        return None

    def response(self, request: Request, response: Response) -> None:
        if request.headers.get("x-again") and response.completion:
            response.headers["aurous-idempotent-replayed"] = "true"


@fault.behaviour("idempotency.replayed_once", REPLAYED, CHAT)
class ReplayedOnce(Remembering):
    def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
        if uses > 2:
            request.key = None
        return None


@fault.behaviour("idempotency.conflict_replayed", CONFLICT, CHAT)
class ConflictReplayed(Remembering):
    def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
        request.content.value = deepcopy(first)
        return None


@fault.behaviour("idempotency.conflict_made_anew", CONFLICT, CHAT)
class ConflictMadeAnew(Remembering):
    def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
        if request.body != first:
            request.key = None
        return None


def _overlook(name: str, *members: str) -> None:
    class Overlooking(Remembering):
        def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
            if _without(request.body, members) == _without(first, members):
                request.content.value = deepcopy(first)
            return None

    fault.behaviour(f"idempotency.overlooks_{name}", WHOLE, GLOBAL)(Overlooking)


def _without(body: dict[str, Any], members: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in members}


_overlook("messages", "messages")
_overlook("sampling", "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
_overlook("max_tokens", "max_tokens")
_overlook("tools", "tools", "tool_choice")


@fault.behaviour("idempotency.overlooks_order_of_messages", "Canonical JSON keeps the order of lists.", GLOBAL)
class OrderOfMessagesOverlooked(Remembering):
    def again(self, request: Request, first: dict[str, Any], uses: int) -> Replacement:
        if _sorted(request.body) == _sorted(first):
            request.content.value = deepcopy(first)
        return None


def _sorted(body: dict[str, Any]) -> dict[str, Any]:
    messages = body.get("messages")
    return {**body, "messages": sorted(map(str, messages))} if isinstance(messages, list) else body


class Spelling(Behaviour, ABC):
    """Distinguishes bodies by how they are written, which it adds to them as a member."""

    @abstractmethod
    def spelling(self, request: Request) -> Any:
        """What distinguishes the body from others."""

    def request(self, request: Request) -> Replacement:
        if request.creates and request.key is not None and not request.streams and request.body:
            request.body["x_spelling"] = self.spelling(request)
        return None


@fault.behaviour("idempotency.bytes_compared", CANONICAL, GLOBAL)
class BytesCompared(Spelling):
    def spelling(self, request: Request) -> Any:
        return request.content.raw.decode("utf-8", "replace")


@fault.behaviour("idempotency.key_order_compared", CANONICAL, GLOBAL)
class KeyOrderCompared(Spelling):
    def spelling(self, request: Request) -> Any:
        return json.dumps(request.body)


@fault.behaviour("idempotency.nested_key_order_compared", CANONICAL, GLOBAL)
class NestedKeyOrderCompared(Spelling):
    """Sorts the members of the body, but of no object in it."""

    def spelling(self, request: Request) -> Any:
        return json.dumps(sorted((name, json.dumps(value)) for name, value in request.body.items()))
