"""Runs the suite against variants, several at a time."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from mutants.catalogue import ALL
from mutants.independent_variants import IndependentVariant, combine
from mutants.proxy import CRASHED
from mutants.registry import Kind, Variant
from mutants.report import VariantResult
from mutants.suite_runner import Suite, SuiteRun, forkserver_context, redirect_output
from mutants.variant_server import running
from mutants.worker_pool import run_parallel

_TIMEOUT = 60
Baseline = Callable[[str], bool]
Hints = Mapping[str, Sequence[str]]


def run_variants(
    variants: Iterable[Variant],
    *,
    workers: int,
    exhaustive: bool = False,
    hints: Hints | None = None,
    baseline: Baseline | None = None,
    together: int = 1,
    related: bool = False,
) -> Iterator[VariantResult]:
    """Try each variant; results come as they are ready.

    Faults are tried up to the first rule that catches them, unless `exhaustive`. `hints` are the rules that caught a
    variant before: they come first, which changes how long a run takes and not how it ends. So many variations of the
    independent server as `together` are planted in one server; if it fails, each is tried alone. `related` tries
    faults only on the rules of their page, and on those about every response.
    """

    def run_one(suite: Suite, group: Sequence[Variant]) -> Sequence[VariantResult]:
        if len(group) > 1 and (suite_run := _run_group(suite, group)):
            return [VariantResult(variant, suite_run) for variant in group]
        return [
            run_variant(
                suite,
                variant,
                exhaustive=exhaustive,
                first=(hints or {}).get(variant.id, ()),
                baseline=baseline,
                related=related,
            )
            for variant in group
        ]

    for results in run_parallel(groups(variants, together), run_one, workers=workers):
        yield from results


def groups(variants: Iterable[Variant], size: int) -> list[list[Variant]]:
    """The variants, those that can be planted in one server in groups: variations that change no rate and no balance.

    Each group has variations of different modules, which seldom get in one another's way.
    """
    alone: list[list[Variant]] = []
    combinable: list[Variant] = []
    for variant in variants:
        is_combinable = isinstance(variant, IndependentVariant) and variant.changes and variant.kind is Kind.VARIATION
        if is_combinable and not _is_about_time(variant):
            combinable.append(variant)
        else:
            alone.append([variant])
    number = -(-len(combinable) // size)
    return [*(combinable[start::number] for start in range(number)), *alone]


def _is_about_time(variant: Variant) -> bool:
    return isinstance(variant, IndependentVariant) and any(
        change.apply.__module__.endswith(".timing") for change in variant.changes
    )


def _run_group(suite: Suite, group: Sequence[Variant]) -> SuiteRun | None:
    """The run on a server with all of them; None unless every rule held."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "server.txt")
        with _served("+".join(variant.id for variant in group), str(log)) as url:
            suite_run = suite.test(url, exhaustive=False)
        return None if suite_run.failed or not suite_run.finished else suite_run


def run_variant(
    suite: Suite,
    variant: Variant,
    *,
    exhaustive: bool = False,
    first: Sequence[str] = (),
    baseline: Baseline | None = None,
    related: bool = False,
) -> VariantResult:
    """Try one variant."""
    # Without a hint, the tests that are about the same thing are likely to catch it: those of the same name or page.
    first = [*first, variant.id.partition(".")[0]]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "server.txt")
        with _served(variant.id, str(log)) as url:
            suite_run = (
                suite.test(url, exhaustive=True)
                if variant.kind is Kind.VARIATION
                else suite.test(url, exhaustive=exhaustive, first=first, page=variant.page, related=related)
            )
        has_failures = None
        if baseline is not None:
            # A server of its own, without what the suite left behind.
            with _served(variant.id, str(log)) as url:
                has_failures = baseline(url)
        return VariantResult(variant, suite_run, CRASHED in log.read_text(errors="replace"), has_failures)


@contextmanager
def _served(name: str, log: str) -> Iterator[str]:
    """The variant in a process of its own, so that the suite does not wait for its turn."""
    ours, theirs = forkserver_context().Pipe()
    process = forkserver_context().Process(target=_serve, args=(name, log, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(_TIMEOUT):
            raise RuntimeError(f"{name} did not start")
        yield ours.recv()
    finally:
        ours.close()
        process.join(_TIMEOUT)
        if process.is_alive():
            process.kill()


def _named(name: str) -> Variant:
    """A variant by its id, or one with the changes of several whose ids are joined by `+`."""
    variants = [ALL[each] for each in name.split("+")]
    independent = [variant for variant in variants if isinstance(variant, IndependentVariant)]
    return combine(independent) if len(independent) > 1 else variants[0]


def _serve(name: str, log: str, pipe: Connection) -> None:
    redirect_output(log)
    with running(_named(name)) as url:
        pipe.send(url)
        # Ends when the other side does.
        pipe.poll(None)
