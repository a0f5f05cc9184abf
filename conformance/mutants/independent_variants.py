"""The planted faults and legal variations of the independent server, as variants."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from independent import build, faults, serving, variations
from independent.changes import Change

from mutants.registry import Kind, Variant

PREFIX = "independent."


@dataclass(frozen=True)
class IndependentVariant(Variant):
    """The independent server with some changes; without any, the server as it is."""

    changes: tuple[Change, ...] = ()

    @property
    def module(self) -> str:
        return self.changes[0].apply.__module__ if self.changes else ""

    @property
    def local_name(self) -> str:
        return self.id.removeprefix(PREFIX)

    @contextmanager
    def running(self, api_key: str, other_api_key: str) -> Iterator[str]:
        """The URL at which it is served while the block runs."""
        with serving(build(self.changes, api_key=api_key, other_api_key=other_api_key)) as server:
            yield server.url


def combine(variants: Sequence[IndependentVariant]) -> IndependentVariant:
    """One server with the changes of all of these."""
    changes = tuple(change for variant in variants for change in variant.changes)
    return replace(variants[0], id="+".join(variant.id for variant in variants), changes=changes)


def _variants() -> Iterator[IndependentVariant]:
    yield IndependentVariant(f"{PREFIX}plain", Kind.VARIATION, "The independent server as it is.", "")
    for kind, changes in ((Kind.FAULT, faults.ALL), (Kind.VARIATION, variations.ALL)):
        for change in changes.values():
            yield IndependentVariant(PREFIX + change.name, kind, change.sentence, change.page, (change,))


INDEPENDENT_VARIANTS = {variant.id: variant for variant in _variants()}
