"""Keys themselves: which are accepted, whose they are, and that no two share a result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from harness.client.api_client import Server
from harness.rules import CHAT_IDEMPOTENCY, IDEMPOTENCY, rule
from harness.violations import observe, require

from .idempotency_requests import is_fresh, is_replay, keyed, replayed


@rule("idempotency.two_keys", page=IDEMPOTENCY, says="Two keys never share a result, however alike they are.")
@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param("k-{}-a", "k-{}-A", id="case"),
        pytest.param("k-{}", "k-{}-", id="prefix"),
        pytest.param("{}" + "x" * 27 + "a", "{}" + "x" * 27 + "b", id="64th character"),
        pytest.param("a{}", "b{}", id="first character"),
        pytest.param("k_{}", "k-{}", id="punctuation"),
        pytest.param("k-{}", "k{}", id="dash"),
    ],
)
def test_two_keys(server: Server, one: str, two: str) -> None:
    body, unique = server.ask(), str(uuid4())
    first = server.completed(body, headers=keyed(one.format(unique)))
    is_fresh(server.create(body, headers=keyed(two.format(unique))), first)


@rule("idempotency.two_keys_keep", page=IDEMPOTENCY, says="Each key keeps its own answer.")
def test_two_keys_keep(server: Server) -> None:
    body = server.ask()
    keys = [str(uuid4()) for _ in range(3)]
    firsts = [server.completed(body, headers=keyed(key)) for key in keys]
    for key, first in zip(keys, firsts, strict=True):
        is_replay(server.create(body, headers=keyed(key)), first)


@rule("idempotency.key_lengths", page=CHAT_IDEMPOTENCY, says="Keys of 1 to 64 characters are accepted, and replay.")
@pytest.mark.parametrize("length", [1, 2, 32, 36, 37, 63, 64])
def test_key_lengths(server: Server, length: int) -> None:
    # A key of one character can only be fresh by luck, so a conflict with an older use of it counts as accepted.
    key = (uuid4().hex * 2)[:length]
    body = server.ask()
    first = server.create(body, headers=keyed(key))
    if length < 3 and first.status == 409:
        return
    is_replay(server.create(body, headers=keyed(key)), first.expect(200))


@rule("idempotency.printable_keys", page=CHAT_IDEMPOTENCY, says="A key may be any printable text.")
@pytest.mark.parametrize("form", ["{}", "order {}", "a/b?c={}", '"{}"', "{}~!@#$%^&*()", "=?{}"])
def test_printable_keys(server: Server, form: str) -> None:
    key, body = form.format(uuid4().hex), server.ask()
    first = server.completed(body, headers=keyed(key))
    is_replay(server.create(body, headers=keyed(key)), first)


@rule(
    "idempotency.long_keys",
    page=IDEMPOTENCY,
    says="What becomes of keys above 64 characters (pages disagree).",
    observed=True,
)
def test_long_keys(server: Server) -> None:
    told = {
        length: server.create(server.ask(), headers=keyed((uuid4().hex * 9)[:length])).outcome
        for length in (65, 256, 257)
    }
    observe(", ".join(f"{length} characters: {outcome}" for length, outcome in told.items()))


@rule("idempotency.empty_key", page=IDEMPOTENCY, says="What becomes of an empty key.", observed=True)
def test_empty_key(server: Server) -> None:
    observe(f"an empty key is answered {server.create(server.ask(), headers=keyed('')).outcome}")


@rule(
    "idempotency.alias_header",
    page=IDEMPOTENCY,
    says="Which other header carries a key (pages disagree).",
    observed=True,
)
def test_alias_header(server: Server) -> None:
    heard = []
    for name in ("Aurous-Idempotency-Key", "Aurous-Idempotent-Key"):
        body, headers = server.ask(), {name: str(uuid4())}
        server.create(body, headers=headers)
        if replayed(server.create(body, headers=headers)):
            heard.append(name)
    observe(f"replayed on {' and '.join(heard)}" if heard else "neither alias replays")


@rule("idempotency.either_credential", page=IDEMPOTENCY, says="Keys belong to the team, whichever header names it.")
def test_either_credential(server: Server, key: str) -> None:
    body = server.ask()
    first = server.completed(body, headers=keyed(key))
    bearer = {"X-Api-Key": None, "Authorization": f"Bearer {server.api_key}"}
    is_replay(server.create(body, headers={**keyed(key), **bearer}), first)


@rule("idempotency.per_team", page=IDEMPOTENCY, says="Another team's key of the same name is another key.")
def test_per_team(server: Server, key: str) -> None:
    other, body = server.as_other_team(), server.ask()
    first = server.completed(body, headers=keyed(key))
    is_fresh(other.create(body, headers=keyed(key)), first)
    is_replay(server.create(body, headers=keyed(key)), first)


@rule(
    "idempotency.concurrent_keys",
    page=IDEMPOTENCY,
    says="Requests at once with different keys do not disturb each other.",
)
def test_concurrent_keys(server: Server) -> None:
    body = server.ask()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.completed(body, headers=keyed(str(uuid4()))), range(6)))
    ids = {exchange.at("id") for exchange in answers}
    require(len(ids) == len(answers), f"{len(answers)} requests gave {len(ids)} completions", *answers)
