"""Runs the suite against variants, several at a time."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from mutants.catalogue import ALL
from mutants.proxy import CRASHED
from mutants.registry import Kind, Variant
from mutants.report import VariantResult
from mutants.suite_runner import Suite, forkserver_context, redirect_output
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
) -> Iterator[VariantResult]:
    """Try each variant; results come as they are ready.

    Faults are tried up to the first rule that catches them, unless `exhaustive`. `hints` are the tests that caught a
    variant before: they come first, which changes how long a run takes and not how it ends.
    """

    def run_one(suite: Suite, variant: Variant) -> VariantResult:
        first = (hints or {}).get(variant.id, ())
        return run_variant(suite, variant, exhaustive=exhaustive, first=first, baseline=baseline)

    return run_parallel(variants, run_one, workers=workers)


def run_variant(
    suite: Suite,
    variant: Variant,
    *,
    exhaustive: bool = False,
    first: Sequence[str] = (),
    baseline: Baseline | None = None,
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
                else suite.test(url, exhaustive=exhaustive, first=first, page=variant.page)
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


def _serve(name: str, log: str, pipe: Connection) -> None:
    redirect_output(log)
    with running(ALL[name]) as url:
        pipe.send(url)
        # Ends when the other side does.
        pipe.poll(None)
