"""Creates, retries, changed retries and retrievals in any order, played against a model of what the rules promise."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from harness.client.api_client import Server
from harness.client.exchange import Exchange
from harness.generation.schemathesis_adapter import UNHURRIED, phases
from harness.rules import IDEMPOTENCY, rule
from harness.settings import Profile
from harness.violations import require
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    run_state_machine_as_test,
)
from hypothesis.stateful import rule as step

from .idempotency_requests import is_conflict, is_fresh, is_replay, keyed

GAMES = {Profile.QUICK: 4, Profile.DEFAULT: 15, Profile.THOROUGH: 120}
MOVES = {Profile.QUICK: 12, Profile.DEFAULT: 20, Profile.THOROUGH: 40}

# Few keys and few bodies, so that they meet again and again.
KEYS = st.sampled_from(["a", "b", "A", "a "])
BODIES = st.sampled_from(
    [
        {"temperature": 0.5},
        {"temperature": 0.5, "top_p": 0.5},
        {"temperature": 0.25},
        {"seed": 1},
        {"seed": 1, "stop": ["x", "y"]},
        {"seed": 1, "stop": ["y", "x"]},
        {},
    ]
)


def playing(server: Server) -> type[RuleBasedStateMachine]:
    """The game, against one server."""

    class Game(RuleBasedStateMachine):
        """The model: what each key was first used for, and every completion as it was answered."""

        def __init__(self) -> None:
            super().__init__()
            self.prefix = uuid4().hex
            self.question = server.ask(max_tokens=4)
            self.firsts: dict[str, tuple[dict[str, Any], Exchange]] = {}
            self.known: dict[str, Exchange] = {}

        @step(key=KEYS, options=BODIES, turned=st.booleans())
        def create_with_key(self, key: str, options: dict[str, Any], turned: bool) -> None:
            body = {**self.question, **options}
            sent = dict(reversed(body.items())) if turned else body
            answer = server.create(sent, headers=keyed(self.prefix + key.strip() + str(len(key))))
            if key not in self.firsts:
                is_fresh(answer, *self.known.values())
                self.firsts[key] = (body, answer)
                self.known[answer.at("id")] = answer
            elif self.firsts[key][0] == body:
                is_replay(answer, self.firsts[key][1])
            else:
                is_conflict(answer, self.firsts[key][1])

        @step(options=BODIES)
        def create_without_key(self, options: dict[str, Any]) -> None:
            answer = server.create({**self.question, **options})
            is_fresh(answer, *self.known.values())
            self.known[answer.at("id")] = answer

        @step(key=KEYS)
        def refuse_with_key(self, key: str) -> None:
            body = {**self.question, "temperature": 3}
            answer = server.create(body, headers=keyed(self.prefix + key.strip() + str(len(key))), refused=True)
            answer.expect(400, 409, 422)
            require(answer.header("Aurous-Idempotent-Replayed") is None, "a refusal was replayed", answer)

        @step(key=KEYS, options=BODIES)
        def stream_with_key(self, key: str, options: dict[str, Any]) -> None:
            told = server.streamed(
                {**self.question, **options}, headers=keyed(self.prefix + key.strip() + str(len(key)))
            )
            require(told.id not in self.known, f"the stream is {told.id}, made before", told.exchange)

        @precondition(lambda self: self.known)
        @step(data=st.data())
        def retrieve(self, data: st.DataObject) -> None:
            made = self.known[data.draw(st.sampled_from(sorted(self.known)))]
            found = server.retrieve(made.at("id")).expect(200)
            for member in ("id", "created", "model", "choices", "usage", "status"):
                require(found.at(member) == made.at(member), f"`{member}` is another", made, found)

    return Game


@rule(
    "idempotency.any_order",
    page=IDEMPOTENCY,
    says="In whatever order requests come: a key's first body replays, another conflicts, and nothing else is shared.",
)
def test_any_order(server: Server) -> None:
    profile = server.settings.profile
    game = seed(server.settings.seed)(playing(server))
    run_state_machine_as_test(
        game,
        settings=settings(
            max_examples=GAMES[profile],
            stateful_step_count=MOVES[profile],
            database=None,
            deadline=None,
            suppress_health_check=UNHURRIED,
            phases=phases(profile),
        ),
    )
