"""Brings variants and suite together, several at a time; knows what to run, not what to think of it."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

from mutants.catalogue import VARIANTS
from mutants.proxy import CRASHED
from mutants.registry import Kind, Variant
from mutants.report import Entry
from mutants.suite_runner import Suite, divert, forking
from mutants.variant_server import running
from mutants.worker_pool import spread

_PATIENCE = 60
Stranger = Callable[[str], bool]
Hints = Mapping[str, Sequence[str]]


def compete(
    variants: Iterable[Variant],
    *,
    workers: int,
    exhaustive: bool = False,
    hints: Hints | None = None,
    stranger: Stranger | None = None,
) -> Iterator[Entry]:
    """Try each variant; entries come as they are ready.

    Faults are tried up to the first rule that sees them, unless `exhaustive`. `hints` are the tests that saw a variant
    before: they come first, which changes how long a run takes and not how it ends.
    """

    def act(suite: Suite, variant: Variant) -> Entry:
        first = (hints or {}).get(variant.id, ())
        return attempt(suite, variant, exhaustive=exhaustive, first=first, stranger=stranger)

    return spread(variants, act, workers=workers)


def attempt(
    suite: Suite,
    variant: Variant,
    *,
    exhaustive: bool = False,
    first: Sequence[str] = (),
    stranger: Stranger | None = None,
) -> Entry:
    """Try one variant."""
    # Without a hint, the tests that are about the same thing are likely to see it.
    first = [*first, variant.id.partition(".")[0]]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "server.txt")
        with _served(variant.id, str(log)) as url:
            trial = suite.test(url, exhaustive=exhaustive or variant.kind is Kind.VARIATION, first=first)
        complained = None
        if stranger is not None:
            # A server of its own: what the suite left behind is none of the stranger's business.
            with _served(variant.id, str(log)) as url:
                complained = stranger(url)
        return Entry(variant, trial, CRASHED in log.read_text(errors="replace"), complained)


@contextmanager
def _served(name: str, log: str) -> Iterator[str]:
    """The variant in a process of its own, so that the suite does not wait for its turn."""
    ours, theirs = forking().Pipe()
    process = forking().Process(target=_serve, args=(name, log, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(_PATIENCE):
            raise RuntimeError(f"{name} did not start")
        yield ours.recv()
    finally:
        ours.close()
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()


def _serve(name: str, log: str, pipe: Connection) -> None:
    divert(log)
    with running(VARIANTS[name]) as url:
        pipe.send(url)
        # Ends when the other side does.
        pipe.poll(None)
