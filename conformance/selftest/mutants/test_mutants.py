"""The suite's own test, in small: a few faults that must be caught, and a variation that must not be."""

import json
from collections.abc import Iterator

import httpx
import pytest
from mutants import source_mutation
from mutants.catalogue import ALL, BY_SERVER, MODULES, VARIANTS, ServerName, faults, quick, sample, variations
from mutants.registry import Kind, Variant
from mutants.report import Matrix, Outcome, Row, VariantResult, recorded
from mutants.runner import groups, run_variant
from mutants.suite_runner import Suite, SuiteRun
from mutants.variant_server import KEY, running

FAULTS = [
    "auth.any_key_accepted",
    "receipt.sum_off",
    "independent.done_missing_length",
]
TEST = "conformance/rules/test_receipts.py::test_sum[False]"
# Of the rules, those that have to do with them.
FILES = [f"conformance/rules/test_{about}.py" for about in ("authentication", "frames", "kinds", "receipts", "streams")]


@pytest.fixture(scope="module")
def suite() -> Iterator[Suite]:
    with Suite(files=FILES) as suite:
        yield suite


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_caught(suite: Suite, name: str) -> None:
    result = run_variant(suite, ALL[name])
    assert result.outcome is Outcome.CAUGHT, result.suite_run.output


def test_planted_fault_is_caught_by_the_rules_of_its_page(suite: Suite) -> None:
    result = run_variant(suite, ALL["independent.any_bearer_accepted"], related=True)
    assert result.outcome is Outcome.CAUGHT, result.suite_run.output


@pytest.mark.slow
def test_legal_variation_passes(suite: Suite) -> None:
    result = run_variant(suite, ALL["stream.crlf"])
    assert result.outcome is Outcome.PASSED, result.suite_run.output


def test_catalogue_has_enough_variants() -> None:
    for server, most in {ServerName.MOCK: (80, 15), ServerName.INDEPENDENT: (80, 15)}.items():
        kinds = [variant.kind for variant in BY_SERVER[server].values()]
        assert (kinds.count(Kind.FAULT), kinds.count(Kind.VARIATION)) >= most
    assert len(faults()) >= 200
    assert len(variations()) >= 60


def test_quick_subset_covers_every_module() -> None:
    selected = quick()
    assert {variant.kind for variant in selected} == set(Kind)
    assert len(selected) >= len(MODULES)
    independent = [variant for variant in selected if variant.id in BY_SERVER[ServerName.INDEPENDENT]]
    assert {variant.kind for variant in independent} == set(Kind)


def test_variations_are_grouped_and_faults_are_not() -> None:
    whole = groups(ALL.values(), 8)
    assert sorted(variant.id for group in whole for variant in group) == sorted(ALL)
    shared = [group for group in whole if len(group) > 1]
    assert shared
    for group in shared:
        assert len(group) <= 8
        assert {variant.kind for variant in group} == {Kind.VARIATION}
    assert [variant.id for group in whole for variant in group if len(group) == 1 and "polite" in variant.id]
    assert groups([ALL["stream.crlf"]], 8) == [[ALL["stream.crlf"]]]


def test_larger_sample_holds_the_smaller_one() -> None:
    small, large = sample(ALL.values(), 20), sample(ALL.values(), 300)
    assert len(small) == 20
    assert large[:20] == small
    assert {variant.kind for variant in small} == set(Kind)


def test_explained_survivors_are_of_the_source_as_it_is() -> None:
    for mutation in source_mutation.explanations():
        module, _, change = mutation.partition(": ")
        before = change.partition(" -> ")[0]
        lines = [line.strip() for line in (source_mutation.MOCK / f"{module}.py").read_text().splitlines()]
        assert module in source_mutation.MODULES, mutation
        assert before in ("(nothing)", *lines) or before in " ".join(lines), mutation


def test_every_variant_names_its_page() -> None:
    for variant in ALL.values():
        assert variant.sentence.endswith("."), variant.id
        assert variant.page or variant.id == "independent.plain", variant.id


def test_plain_variant_behaves_like_the_mock() -> None:
    with (
        running(VARIANTS["plain"]) as url,
        httpx.Client(base_url=url, headers={"X-Api-Key": KEY}, verify=False) as client,
    ):
        body = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello."}]}
        replacement = client.post("/v1/chat/completions", json=body).json()
        assert client.get(f"/v1/chat/completions/{replacement['id']}").json() == replacement
        streamed = client.post("/v1/chat/completions", json={**body, "stream": True})
        assert streamed.text.endswith("data: [DONE]\n\n")


def digest_of_name(variant: Variant, rules: str) -> str:
    return f"{variant.id}-{rules}"


def test_rerun_variants_replace_their_rows_only() -> None:
    void = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0), crashed=True)
    missed = VariantResult(VARIANTS["auth.any_key_accepted"], SuiteRun(True, 1.0))
    passed = VariantResult(VARIANTS["stream.crlf"], SuiteRun(True, 1.0))
    page = Matrix([void, missed, passed]).as_page("", ALL, digest_of_name)
    assert "0 of 2 faults caught, 0 false alarms in 1 variations, 1 without a result" in page
    caught = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0, ("receipt.sum",), (TEST,)))
    whole = Matrix([caught, missed, passed]).as_page("", ALL, digest_of_name)
    assert Matrix([caught]).as_page(page, ALL, digest_of_name) == whole
    assert Matrix([]).as_page(whole, ALL, digest_of_name) == whole


def test_rows_of_variants_that_are_gone_are_dropped() -> None:
    missed = VariantResult(VARIANTS["auth.any_key_accepted"], SuiteRun(True, 1.0))
    passed = VariantResult(VARIANTS["stream.crlf"], SuiteRun(True, 1.0))
    page = Matrix([missed, passed]).as_page("", ALL, digest_of_name)
    known = {"stream.crlf": VARIANTS["stream.crlf"]}
    assert Matrix([passed]).as_page(page, known, digest_of_name) == Matrix([passed]).as_page("", known, digest_of_name)


def test_score_counts_the_variants_without_a_row() -> None:
    passed = VariantResult(VARIANTS["stream.crlf"], SuiteRun(True, 1.0))
    page = Matrix([passed]).as_page("", ALL, digest_of_name)
    assert f"false alarms in 1 variations, {len(ALL) - 1:,} variants without a row.**" in page
    assert "without a row" not in Matrix([passed]).as_page("", {"stream.crlf": ALL["stream.crlf"]}, digest_of_name)


def test_rows_whose_code_has_changed_are_dropped() -> None:
    def after_edit(variant: Variant, rules: str) -> str:
        return "edited" if rules in ("", "test_keys") else digest_of_name(variant, rules)

    caught = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0, ("receipt.sum",), (TEST,)), baseline=True)
    passed = VariantResult(VARIANTS["stream.crlf"], SuiteRun(True, 1.0))
    page = Matrix([caught, passed]).as_page("", ALL, digest_of_name)
    assert set(recorded(page, ALL, digest_of_name)) == {"receipt.sum_off", "stream.crlf"}
    assert recorded(page, ALL, after_edit) == {
        "receipt.sum_off": Row(
            Outcome.CAUGHT, "receipt.sum", "test_receipts", "receipt.sum_off-test_receipts", baseline=True
        )
    }
    assert "stream.crlf" not in Matrix([]).as_page(page, ALL, after_edit)


def test_result_of_a_fault_depends_on_the_module_that_caught_it() -> None:
    caught = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0, ("receipt.sum",), (TEST,)))
    missed = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0))
    alarm = VariantResult(VARIANTS["stream.crlf"], SuiteRun(True, 1.0, ("receipt.sum",), (TEST,)))
    assert [result.module for result in (caught, missed, alarm)] == ["test_receipts", "", ""]


def test_record_keeps_the_rules_of_variants_that_were_not_tried() -> None:
    caught = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0, ("receipt.sum",), ("test_sum",)))
    earlier = {"receipt.sum_off": "old", "auth.any_key_accepted": "kept", "gone": "dropped"}
    record = json.loads(Matrix([caught]).as_record(earlier, known=ALL))
    assert record == {"auth.any_key_accepted": "kept", "receipt.sum_off": "receipt.sum"}


def test_crashed_variant_is_not_caught() -> None:
    result = VariantResult(VARIANTS["receipt.sum_off"], SuiteRun(True, 1.0, ("receipt.sum",)), crashed=True)
    matrix = Matrix([result])
    assert result.outcome is Outcome.NO_RESULT
    assert matrix.bad == [result]
    assert matrix.score == "0 of 1 faults caught, 0 false alarms in 0 variations, 1 without a result"
