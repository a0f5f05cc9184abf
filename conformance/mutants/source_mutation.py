"""Mutates the mock's own source code and runs the suite on the result.

The mutations are cosmic-ray's. Its own runner changes files in place, and one after the other; here each mutant is a
copy of the mock, so that several are tried at once and the checkout stays as it is.
"""

import difflib
import hashlib
import shutil
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from testkit.mock_process import MockProcess, NotStartedError

from mutants.suite_runner import ROOT, SUITE, Suite, SuiteRun
from mutants.variant_server import OTHER_KEY
from mutants.worker_pool import run_parallel

MOCK = SUITE / "aurous_mock"
SURVIVORS = Path(__file__).with_name("survivors.toml")
GOAL = 0.9
# "equivalent": no client can see the change; "outside": one can, and no page says what is right. A "gap" is explained
# too, and counts as a survivor.
EXCUSED_KINDS = ("equivalent", "outside")
SEED = 20260515
# Those that implement the contract. Speed, stores and scripted faults are no part of it.
MODULES = (
    *("errors", "billing/pricing", "completions/draft", "completions/service"),
    *("contract/chat_limits", "contract/model_catalogue", "contract/validation"),
    *("generation/answer", "generation/parsed_request"),
    *("http/frames", "http/idempotency_key", "http/middleware", "http/request_body"),
    *("http/request_context", "http/routes", "http/sse_response"),
    *("storage/idempotency", "storage/memory_store", "storage/statuses"),
)
OPERATORS = (
    *("AddNot", "NumberReplacer", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr"),
    *("ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    *("ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_Delete_USub"),
    *("ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Sub_Add", "ReplaceBinaryOperator_Mul_Add"),
    *("ReplaceComparisonOperator_Eq_NotEq", "ReplaceComparisonOperator_NotEq_Eq"),
    *("ReplaceComparisonOperator_Lt_LtE", "ReplaceComparisonOperator_LtE_Lt"),
    *("ReplaceComparisonOperator_Gt_GtE", "ReplaceComparisonOperator_GtE_Gt"),
    *("ReplaceComparisonOperator_Is_IsNot", "ReplaceComparisonOperator_IsNot_Is"),
)
# Lines whose change no client could ever see.
_INERT = ("@dataclass(", "import ", "from ")


@dataclass(frozen=True)
class Mutation:
    """One change of one place."""

    module: str
    operator: str
    source: str
    before: str
    after: str

    @property
    def id(self) -> str:
        return f"{self.module}: {self.before or '(nothing)'} -> {self.after or '(nothing)'}"


def mutations() -> list[Mutation]:
    """All that the operators can do to the modules, in the order of the source."""
    return [each for module in MODULES for operator in OPERATORS for each in _mutate(module, operator)]


def sample(size: int) -> list[Mutation]:
    """`size` mutations, drawn by what they are: a larger sample holds the smaller one, and where the mock changes only
    the mutations of what changed give way to others."""
    return sorted(mutations(), key=lambda mutation: hashlib.sha256(f"{SEED} {mutation.id}".encode()).digest())[:size]


def _mutate(module: str, name: str) -> Iterator[Mutation]:
    try:
        plugins, mutating = import_module("cosmic_ray.plugins"), import_module("cosmic_ray.mutating")
    except ModuleNotFoundError:
        sys.exit("mutation_score: --mechanical needs cosmic-ray: pip install cosmic-ray")
    source = (MOCK / f"{module}.py").read_text()
    operator: Any = plugins.get_operator(f"core/{name}")()
    occurrence = 0
    while (mutated := mutating.mutate_code(source, operator, occurrence)) is not None:
        occurrence += 1
        before, after = _changed(source, mutated)
        if before.startswith(_INERT):
            continue
        yield Mutation(module, name, mutated, before, after)


def _changed(source: str, mutated: str) -> tuple[str, str]:
    lines = [*difflib.ndiff(source.splitlines(), mutated.splitlines())]
    removed = " ".join(line[2:].strip() for line in lines if line.startswith("- "))
    added = " ".join(line[2:].strip() for line in lines if line.startswith("+ "))
    return removed, added


@dataclass(frozen=True)
class Result:
    """The suite's result on one mutant."""

    mutation: Mutation
    suite_run: SuiteRun

    @property
    def caught(self) -> bool:
        # A mutant that makes the suite itself crash is not caught by a rule.
        return bool(self.suite_run.failed)

    @property
    def line(self) -> str:
        return f"{'caught' if self.caught else 'SURVIVED':9} {self.mutation.id}  {', '.join(self.suite_run.failed[:1])}"


@contextmanager
def mutant_mock(mutation: Mutation) -> Iterator[str | None]:
    """The URL of a mock with the mutation in it; None if it does not start."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, MOCK.name)
        shutil.copytree(MOCK, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / f"{mutation.module}.py").write_text(mutation.source)
        flags = ("--no-access-log", "--team-key", f"other={OTHER_KEY}", "--spec", str(ROOT / "openapi.yaml"))
        environment = {"PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        process = MockProcess(*flags, cwd=Path(folder), environment=environment)
        try:
            process.start()
        except NotStartedError:
            yield None
        else:
            yield process.url
        finally:
            # A mutation may keep it from ending by itself.
            process.stop(grace=0)


def survey(mutations: Sequence[Mutation], *, workers: int) -> Iterator[Result]:
    """Run the suite on each, in its quick profile; results come as they are ready."""
    # A test that caught a mutant of a module is likely to catch the next one, and a run ends at the first broken rule.
    hits_by_module: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def run_one(suite: Suite, mutation: Mutation) -> Result:
        hits = hits_by_module[mutation.module]
        first = [test for test, _ in hits.most_common()]
        with mutant_mock(mutation) as url:
            if url is None:
                return Result(mutation, SuiteRun(True, 0.0, ("(the server does not start)",)))
            suite_run = suite.test(url, exhaustive=False, first=first)
        hits.update(suite_run.tests[:1])
        return Result(mutation, suite_run)

    return run_parallel(mutations, run_one, workers=workers)


def report(*, workers: int, size: int, selected: Sequence[str] = ()) -> int:
    """Print which mutants were caught; 1 if the score is below the goal, or a survivor is not explained.

    Excused survivors of earlier runs are not tried again unless selected: they do not count, and take longest.
    """
    mutants = [each for each in mutations() if each.id.startswith(tuple(selected))] if selected else sample(size)
    explained = explanations()
    excluded = [] if selected else [each for each in mutants if explained.get(each.id, ("", ""))[0] in EXCUSED_KINDS]
    survivors: list[Result] = []
    for result in survey([each for each in mutants if each not in excluded], workers=workers):
        survivors += [] if result.caught else [result]
        print(result.line, flush=True)
    excluded += [each.mutation for each in survivors if explained.get(each.mutation.id, ("", ""))[0] in EXCUSED_KINDS]
    caught = len(mutants) - len({*excluded, *(each.mutation for each in survivors)})
    counted = len(mutants) - len(excluded)
    print(
        f"\n{caught} of {len(mutants)} mutants caught; {len(excluded)} are equivalent or outside the contract, so the"
    )
    print(f"score is {caught} of {counted}, {caught / max(counted, 1):.0%}\n")
    for each in survivors:
        kind, why = explained.get(each.mutation.id, ("NOT EXPLAINED", ""))
        print(f"  {each.mutation.id}\n      {kind}: {why}")
    unexplained = [each for each in survivors if each.mutation.id not in explained]
    return 1 if unexplained or caught < GOAL * counted else 0


def explanations() -> dict[str, tuple[str, str]]:
    """Why a mutant that survives may, by its id: whether it is equivalent or outside the contract, and how so."""
    listed = tomllib.loads(SURVIVORS.read_text()).get("survivor", ())
    return {each["mutant"]: (each["kind"], each["why"]) for each in listed}
