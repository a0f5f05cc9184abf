"""Faults of idempotency keys."""

from __future__ import annotations

from typing import Any

from ..accounts import Team
from ..application import Application
from ..changes import FAULTS
from ..errors import ApiError
from ..identifiers import new_id
from ..messages import Call, Response
from ..seams import around

CHAT = "api-reference/chat/idempotency"
GLOBAL = "idempotency"


@FAULTS.plant(CHAT, "conflict", "conflict_by_parameter")
def other_body_starts_afresh(application: Application) -> None:
    """A key with another body is carried out as if the key were new."""
    store = application.chat.idempotency

    @around(store, "begin")
    def begin(original: Any, team: Team, key: str, raw: bytes, body: Any) -> Any:
        try:
            return original(team, key, raw, body)
        except ApiError:
            store.forget(team, key)
            return original(team, key, raw, body)


@FAULTS.plant(CHAT, "conflict")
def conflict_is_422(application: Application) -> None:
    """A key with another body is answered with 422."""

    def change(call: Call, response: Response) -> None:
        if call.error is not None and call.error.code == "idempotency_key_in_use":
            response.status = 422

    application.seams.response.append(change)


@FAULTS.plant(CHAT, "replay", "same_order")
def replay_not_marked(application: Application) -> None:
    """A replay carries no Aurous-Idempotent-Replayed."""

    def change(call: Call, response: Response) -> None:
        response.headers.pop("Aurous-Idempotent-Replayed", None)

    application.seams.response.append(change)


@FAULTS.plant(CHAT, "keyed_once", "replay")
def first_answer_marked_as_replay(application: Application) -> None:
    """The first answer to a key carries Aurous-Idempotent-Replayed, false."""

    def change(call: Call, response: Response) -> None:
        if call.idempotency_key is not None and response.status == 200 and not call.replayed:
            response.headers["Aurous-Idempotent-Replayed"] = "false"

    application.seams.response.append(change)


@FAULTS.plant(CHAT, "replay")
def replay_never_happens(application: Application) -> None:
    """The same key with the same body is carried out again."""
    application.chat.idempotency.window = -1


@FAULTS.plant(CHAT, "replay_after_a_minute")
def replay_window_of_two_seconds(application: Application) -> None:
    """A key expires after 2 seconds instead of 24 hours."""
    application.chat.idempotency.window = 2


@FAULTS.plant(CHAT, "replay_after_a_minute")
def replay_window_of_half_a_minute(application: Application) -> None:
    """A key expires after 30 seconds instead of 24 hours."""
    application.chat.idempotency.window = 30


@FAULTS.plant(CHAT, "fresh_after_a_day")
def replay_window_endless(application: Application) -> None:
    """A key never expires."""
    application.chat.idempotency.window = 1e12


@FAULTS.plant(CHAT, "replay", "same_order")
def replay_has_a_new_id(application: Application) -> None:
    """A replay has an id of its own."""

    def change(call: Call, response: Response) -> None:
        if call.replayed:
            response.document["id"] = new_id("cmp")

    application.seams.response.append(change)


@FAULTS.plant(CHAT, "replay", "same_order")
def replay_has_no_choices(application: Application) -> None:
    """The message of a replay is empty."""

    def change(call: Call, response: Response) -> None:
        if call.replayed:
            response.document["choices"][0]["message"]["content"] = ""

    application.seams.response.append(change)


@FAULTS.plant(CHAT, "replay", "same_order")
def replay_shows_no_charge(application: Application) -> None:
    """The receipt of a replay has no charge."""

    def change(call: Call, response: Response) -> None:
        if call.replayed:
            response.document["usage"]["credits_charged"] = 0

    application.seams.response.append(change)


@FAULTS.plant(CHAT, "replay", "same_order")
def replay_charged(application: Application) -> None:
    """A replay is charged."""

    def charge(call: Call, response: Response) -> None:
        if call.replayed and call.team is not None:
            call.team.ledger.settle("replay", 1000)

    application.seams.response.append(charge)


@FAULTS.plant(CHAT, "conflict", "conflict_by_parameter")
def conflict_charged(application: Application) -> None:
    """A request refused for its key is charged."""

    def charge(call: Call, response: Response) -> None:
        if response.status == 409 and call.route == "create" and call.team is not None:
            call.team.ledger.settle("conflict", 1000)

    application.seams.response.append(charge)


@FAULTS.plant(GLOBAL, "keys_of_two_teams")
def keys_shared_by_teams(application: Application) -> None:
    """Teams share their keys."""
    application.chat.idempotency.slot = lambda team, key: key  # type: ignore[method-assign]


@FAULTS.plant(GLOBAL, "keys_by_case")
def keys_compared_without_case(application: Application) -> None:
    """Keys are compared without regard to case."""
    application.chat.idempotency.slot = lambda team, key: (team.name, key.lower())  # type: ignore[method-assign]


@FAULTS.plant(GLOBAL, "long_keys")
def keys_cut_to_32_characters(application: Application) -> None:
    """Only the first 32 characters of a key count."""
    application.chat.idempotency.slot = lambda team, key: (team.name, key[:32])  # type: ignore[method-assign]


@FAULTS.plant(CHAT, "key_lengths", "long_keys")
def key_of_64_characters_refused(application: Application) -> None:
    """A key of 64 characters is refused."""

    @around(application.chat.idempotency, "check_key")
    def check_key(original: Any, key: str) -> None:
        if len(key) > 63:
            raise ApiError("invalid_format", "Idempotency-Key is too long.", param="Idempotency-Key")
        original(key)


@FAULTS.plant(GLOBAL, "corrected_request")
def refusal_kept(application: Application) -> None:
    """A refused body uses up its key, so that the corrected one is a conflict."""

    def take(call: Call, response: Response) -> None:
        key = call.request.headers.get("Idempotency-Key")
        if response.status == 400 and key is not None and call.team is not None and call.route == "create":
            application.chat.idempotency.begin(call.team, key, call.request.body, call.body)

    application.seams.response.append(take)


@FAULTS.plant(GLOBAL, "in_flight")
def in_flight_runs_twice(application: Application) -> None:
    """A second request with the key of one that still runs is carried out too."""
    store = application.chat.idempotency

    @around(store, "begin")
    def begin(original: Any, team: Team, key: str, raw: bytes, body: Any) -> Any:
        entry = store._entries.get(store.slot(team, key))
        if entry is not None and entry.document is None:
            return None
        return original(team, key, raw, body)
