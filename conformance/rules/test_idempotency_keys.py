"""Rules on the keys themselves: which are accepted, whose they are, and that no two share a result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from harness.client.api_client import ApiClient
from harness.rules import CHAT_IDEMPOTENCY, IDEMPOTENCY, rule
from harness.violations import inform, require

from .idempotency_requests import is_replayed, require_fresh, require_replay, with_key


@rule("idempotency.two_keys", page=IDEMPOTENCY, sentence="Two keys never share a result, however alike they are.")
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
def test_similar_keys_do_not_share_a_result(api: ApiClient, one: str, two: str) -> None:
    body, unique = api.chat_body(max_tokens=2), str(uuid4())
    first = api.complete(body, headers=with_key(one.format(unique)))
    require_fresh(api.create(body, headers=with_key(two.format(unique))), first)


@rule("idempotency.two_keys_keep", page=IDEMPOTENCY, sentence="Each key keeps its own answer.")
def test_each_key_keeps_its_own_completion(api: ApiClient) -> None:
    body = api.chat_body()
    keys = [str(uuid4()) for _ in range(3)]
    firsts = [api.complete(body, headers=with_key(key)) for key in keys]
    for key, first in zip(keys, firsts, strict=True):
        require_replay(api.create(body, headers=with_key(key)), first)


@rule("idempotency.key_lengths", page=CHAT_IDEMPOTENCY, sentence="Keys of 1 to 64 characters are accepted, and replay.")
@pytest.mark.parametrize("length", [1, 2, 32, 36, 37, 63, 64])
def test_key_of_1_to_64_characters_is_accepted(api: ApiClient, length: int) -> None:
    # A key of one character can only be fresh by luck, so a conflict with an older use of it counts as accepted.
    key = (uuid4().hex * 2)[:length]
    body = api.chat_body()
    first = api.create(body, headers=with_key(key))
    if length < 3 and first.status == 409:
        return
    require_replay(api.create(body, headers=with_key(key)), first.expect(200))


@rule("idempotency.printable_keys", page=CHAT_IDEMPOTENCY, sentence="A key may be any printable text.")
@pytest.mark.parametrize("form", ["{}", "order {}", "a/b?c={}", '"{}"', "{}~!@#$%^&*()", "=?{}"])
def test_key_of_printable_characters_is_accepted(api: ApiClient, form: str) -> None:
    key, body = form.format(uuid4().hex), api.chat_body()
    first = api.complete(body, headers=with_key(key))
    require_replay(api.create(body, headers=with_key(key)), first)


@rule(
    "idempotency.long_keys",
    page=IDEMPOTENCY,
    sentence="What becomes of keys above 64 characters (pages disagree).",
    informational=True,
)
def test_key_above_64_characters(api: ApiClient) -> None:
    actual = {
        length: api.create(api.chat_body(), headers=with_key((uuid4().hex * 9)[:length])).outcome
        for length in (65, 256, 257)
    }
    inform(", ".join(f"{length} characters: {outcome}" for length, outcome in actual.items()))


@rule("idempotency.empty_key", page=IDEMPOTENCY, sentence="What becomes of an empty key.", informational=True)
def test_empty_idempotency_key(api: ApiClient) -> None:
    inform(f"an empty key is answered {api.create(api.chat_body(), headers=with_key('')).outcome}")


@rule(
    "idempotency.alias_header",
    page=IDEMPOTENCY,
    sentence="Which other header carries a key (pages disagree).",
    informational=True,
)
def test_alias_of_the_idempotency_header(api: ApiClient) -> None:
    honoured = []
    for name in ("Aurous-Idempotency-Key", "Aurous-Idempotent-Key"):
        body, headers = api.chat_body(), {name: str(uuid4())}
        api.create(body, headers=headers)
        if is_replayed(api.create(body, headers=headers)):
            honoured.append(name)
    inform(f"replayed on {' and '.join(honoured)}" if honoured else "neither alias replays")


@rule("idempotency.either_credential", page=IDEMPOTENCY, sentence="Keys belong to the team, whichever header names it.")
def test_key_is_shared_by_both_key_headers_of_a_team(api: ApiClient, key: str) -> None:
    body = api.chat_body()
    first = api.complete(body, headers=with_key(key))
    bearer = {"X-Api-Key": None, "Authorization": f"Bearer {api.api_key}"}
    require_replay(api.create(body, headers={**with_key(key), **bearer}), first)


@rule("idempotency.per_team", page=IDEMPOTENCY, sentence="Another team's key of the same name is another key.")
def test_idempotency_keys_are_separate_per_team(api: ApiClient, key: str) -> None:
    other, body = api.as_other_team(), api.chat_body()
    first = api.complete(body, headers=with_key(key))
    require_fresh(other.create(body, headers=with_key(key)), first)
    require_replay(api.create(body, headers=with_key(key)), first)


@rule(
    "idempotency.concurrent_keys",
    page=IDEMPOTENCY,
    sentence="Requests at once with different keys do not disturb each other.",
)
def test_concurrent_requests_with_different_keys_are_independent(api: ApiClient) -> None:
    body = api.chat_body()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: api.complete(body, headers=with_key(str(uuid4()))), range(6)))
    ids = {exchange.at("id") for exchange in answers}
    require(len(ids) == len(answers), f"{len(answers)} requests gave {len(ids)} completions", *answers)
