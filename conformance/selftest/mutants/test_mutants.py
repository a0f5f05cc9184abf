"""The suite's own test, in small: a few faults that must be caught, a few variations that must not be."""

from collections.abc import Iterator

import httpx
import pytest
from mutants.catalogue import PLANTED_BY, VARIANTS, faults, quick, variations
from mutants.registry import Kind
from mutants.report import Entry, Matrix, Outcome
from mutants.runner import attempt
from mutants.suite_runner import Suite, Trial
from mutants.variant_server import KEY, running

FAULTS = [
    "auth.any_key_accepted",
    "idempotency.nested_key_order_compared",
    "receipt.sum_off",
    "stream.usage_on_request",
]
VARIATIONS = ["stream.crlf"]
# Of the rules, those that have to do with them.
FILES = [
    f"conformance/rules/test_{about}.py" for about in ("authentication", "idempotency_bodies", "receipts", "streams")
]


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with Suite(files=FILES) as suite:
        yield suite


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_caught(suite: Suite, name: str) -> None:
    entry = attempt(suite, VARIANTS[name])
    assert entry.outcome is Outcome.CAUGHT, entry.trial.output


@pytest.mark.parametrize("name", VARIATIONS)
def test_variations_are_not(suite: Suite, name: str) -> None:
    entry = attempt(suite, VARIANTS[name])
    assert entry.outcome is Outcome.PASSED, entry.trial.output


def test_there_are_enough() -> None:
    assert len(faults()) >= 80
    assert len(variations()) >= 15


def test_the_quick_subset_has_some_of_everything() -> None:
    chosen = quick()
    assert {variant.kind for variant in chosen} == set(Kind)
    assert len(chosen) >= len(PLANTED_BY)


def test_every_variant_names_its_source() -> None:
    for variant in VARIANTS.values():
        assert variant.says.endswith("."), variant.id
        assert variant.page, variant.id


def test_the_plain_variant_differs_in_nothing() -> None:
    with running(VARIANTS["plain"]) as url, httpx.Client(base_url=url, headers={"X-Api-Key": KEY}) as client:
        body = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello."}]}
        made = client.post("/v1/chat/completions", json=body).json()
        assert client.get(f"/v1/chat/completions/{made['id']}").json() == made
        streamed = client.post("/v1/chat/completions", json={**body, "stream": True})
        assert streamed.text.endswith("data: [DONE]\n\n")


def test_a_variant_tried_again_is_told_anew_and_the_others_stay() -> None:
    void = Entry(VARIANTS["receipt.sum_off"], Trial(True, 1.0), crashed=True)
    missed = Entry(VARIANTS["auth.any_key_accepted"], Trial(True, 1.0))
    passed = Entry(VARIANTS["stream.crlf"], Trial(True, 1.0))
    page = Matrix([void, missed, passed]).as_page()
    assert "0 of 2 faults caught, 0 false alarms in 1 variations, 1 without a verdict" in page
    caught = Entry(VARIANTS["receipt.sum_off"], Trial(True, 1.0, ("receipt.sum",)))
    assert Matrix([caught]).revise(page) == Matrix([caught, missed, passed]).as_page()


def test_a_variant_that_crashes_is_no_success() -> None:
    entry = Entry(VARIANTS["receipt.sum_off"], Trial(True, 1.0, ("receipt.sum",)), crashed=True)
    matrix = Matrix([entry])
    assert entry.outcome is Outcome.VOID
    assert matrix.bad == [entry]
    assert matrix.score == "0 of 1 faults caught, 0 false alarms in 0 variations, 1 without a verdict"
