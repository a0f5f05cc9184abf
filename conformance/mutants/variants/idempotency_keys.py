"""Faults of idempotency keys, and of the responses that are stored for them."""

from copy import deepcopy
from typing import Any

from mutants.messages import Request, Response, refusal, response
from mutants.registry import Behaviour, Replacement, fault

CHAT = "api-reference/chat/idempotency"
GLOBAL = "idempotency"
REPLAYED = "The same key and body get the stored answer, with Aurous-Idempotent-Replayed: true."
SAME = "A replay has the same body."
CONFLICT = "The same key with another body is 409 idempotency_key_in_use."
LENGTHS = "Keys of 1 to 64 characters are accepted."
APART = "Two keys never share a result."


@fault.request("idempotency.ignored", REPLAYED, CHAT)
def ignore_key(request: Request) -> Replacement:
    request.key = None
    return None


@fault.response("idempotency.replay_unmarked", REPLAYED, CHAT)
def unmark(request: Request, response: Response) -> None:
    del response.headers["aurous-idempotent-replayed"]


@fault.response("idempotency.first_marked", "The first response has no replay header.", CHAT)
def mark_first(request: Request, response: Response) -> None:
    if request.creates and request.key and response.completion:
        response.headers["aurous-idempotent-replayed"] = "true"


@fault.response("idempotency.first_marked_false", "The first response has no replay header.", CHAT)
def mark_first_false(request: Request, response: Response) -> None:
    if request.creates and response.completion and not response.replayed:
        response.headers["aurous-idempotent-replayed"] = "false"


@fault.response("idempotency.marked_yes", REPLAYED, CHAT)
def change_mark(request: Request, response: Response) -> None:
    if response.replayed:
        response.headers["aurous-idempotent-replayed"] = "1"


@fault.response("idempotency.replay_free_receipt", SAME, CHAT)
def clear_receipt(request: Request, response: Response) -> None:
    if response.replayed:
        usage = response.body["usage"]
        usage["credits_charged"] = 0
        usage["breakdown"] |= {name: 0 for name in usage["breakdown"] if name.endswith("_credits")}


@fault.response("idempotency.replay_renamed", SAME, CHAT)
def rename_replay(request: Request, response: Response) -> None:
    if response.replayed:
        response.body["id"] = response.body["id"][:-1] + ("0" if response.body["id"][-1] != "0" else "1")


@fault.response("idempotency.replay_redated", SAME, CHAT)
def redate_replay(request: Request, response: Response) -> None:
    if response.replayed:
        response.body["created"] += 1


@fault.response("idempotency.replay_other_words", SAME, CHAT)
def reword_replay(request: Request, response: Response) -> None:
    if response.replayed:
        response.body["choices"][0]["message"]["content"] = "(replayed)"


def _on_conflict(name: str, sentence: str, replacement: Response | None = None, **headers: str) -> None:
    @fault.response(f"idempotency.{name}", sentence, GLOBAL)
    def alter(request: Request, response: Response) -> None:
        if response.error and response.error["code"] == "idempotency_key_in_use":
            if replacement is not None:
                response.become(deepcopy(replacement))
            for header, value in headers.items():
                response.headers[header.replace("_", "-")] = value


_on_conflict("conflict_is_422", CONFLICT, refusal(422, "invalid_request", "idempotency_key_in_use", "In use."))
_on_conflict("conflict_is_400", CONFLICT, refusal(400, "invalid_request", "idempotency_key_in_use", "In use."))
_on_conflict("conflict_renamed", CONFLICT, refusal(409, "invalid_request", "idempotency_conflict", "In use."))
_on_conflict("conflict_retry_after", "Retry-After is not sent with 409 idempotency_key_in_use.", retry_after="1")


@fault.behaviour("idempotency.refusal_cached", "Responses of type invalid_request are not stored.", GLOBAL)
class RefusalCached(Behaviour):
    def __init__(self) -> None:
        self._refused: dict[tuple[str, str | None], Any] = {}

    def request(self, request: Request) -> Replacement:
        kept = self._refused.get((request.credential, request.key)) if request.creates else None
        return response(400, kept) if kept is not None else None

    def response(self, request: Request, response: Response) -> None:
        if request.creates and request.key and response.status == 400:
            self._refused[request.credential, request.key] = deepcopy(response.body)
            response.content.value = deepcopy(response.body)


@fault.behaviour("idempotency.refusal_claims_key", "Responses of type invalid_request are not stored.", GLOBAL)
class RefusalClaimsKey(Behaviour):
    """The key of a refused request stays in use, so that the corrected request is a conflict."""

    def __init__(self) -> None:
        self._refused: set[tuple[str, str | None]] = set()

    def request(self, request: Request) -> Replacement:
        if request.creates and (request.credential, request.key) in self._refused:
            return refusal(409, "invalid_request", "idempotency_key_in_use", "In use.", "Idempotency-Key")
        return None

    def response(self, request: Request, response: Response) -> None:
        if request.creates and request.key and response.status == 400:
            self._refused.add((request.credential, request.key))


@fault.behaviour("idempotency.teams_share_keys", "Keys are scoped per team.", GLOBAL)
class TeamsShareKeys(Behaviour):
    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    def request(self, request: Request) -> Replacement:
        if request.creates and request.key and request.credential.startswith("al_live_"):
            request.credential = self._owners.setdefault(request.key, request.credential)
        return None


def _respell(name: str, spell: Any) -> None:
    @fault.request(f"idempotency.{name}", APART, GLOBAL)
    def alter(request: Request) -> Replacement:
        if request.key:
            request.key = spell(request.key)
        return None


_respell("keys_in_lower_case", str.lower)
_respell("keys_cut_at_32", lambda key: key[:32])
_respell("keys_cut_at_63", lambda key: key[:63])
_respell("keys_without_dashes", lambda key: key.replace("-", "").replace("_", "") or key)


def _limit(name: str, shortest: int, longest: int) -> None:
    @fault.request(f"idempotency.{name}", LENGTHS, CHAT)
    def refuse(request: Request) -> Replacement:
        if request.creates and request.key is not None and not shortest <= len(request.key) <= longest:
            return refusal(400, "invalid_request", "invalid_format", "This key is too short or too long.")
        return None


_limit("key_of_64_refused", 1, 63)
_limit("key_of_37_refused", 1, 36)
_limit("key_of_1_refused", 2, 256)


@fault.request("idempotency.only_uuids", "A key is any string of 1 to 64 characters.", CHAT)
def accept_only_uuids(request: Request) -> Replacement:
    if request.creates and request.key is not None and request.key.count("-") != 4:
        return refusal(400, "invalid_request", "invalid_format", "The key must be a UUID.", "Idempotency-Key")
    return None


@fault.behaviour("idempotency.stream_claims_key", "The key of a stream is ignored and not stored.", CHAT)
class StreamClaimsKey(Behaviour):
    def __init__(self) -> None:
        self._claimed: set[str] = set()

    def request(self, request: Request) -> Replacement:
        if request.key is None or not request.creates:
            return None
        if request.streams:
            self._claimed.add(request.key)
        elif request.key in self._claimed:
            return refusal(409, "invalid_request", "idempotency_key_in_use", "In use.", "Idempotency-Key")
        return None


@fault.behaviour("idempotency.second_stream_conflicts", "The key of a stream is ignored and not stored.", CHAT)
class SecondStreamConflicts(Behaviour):
    def __init__(self) -> None:
        self._claimed: set[str] = set()

    def request(self, request: Request) -> Replacement:
        if not request.streams or request.key is None:
            return None
        if request.key in self._claimed:
            return refusal(409, "invalid_request", "idempotency_key_in_use", "In use.", "Idempotency-Key")
        self._claimed.add(request.key)
        return None
