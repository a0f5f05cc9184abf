"""Shortens an invalid JSON value to the part that is wrong, so that reporting the fault stays cheap."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

Path = Sequence[str | int]

# How many items of each array, and how much of each string, are looked at first.
_WIDTH: Final = 64
_TEXT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A value with only the entries from `start` to `stop` of each array or object that has so many.

    names: the members that objects keep in any case; those that a schema declares
    wide: the ids of the arrays and objects that are long, or have long ones in them; the others are kept as they are
    """

    original: Any
    names: frozenset[str]
    wide: frozenset[int]
    start: int
    stop: int

    @property
    def value(self) -> Any:
        return self._shorten(self.original)

    def original_path(self, path: Path) -> list[str | int]:
        """Where a path into the excerpt leads in the original."""
        node: Any = self.original
        steps: list[str | int] = []
        for step in path:
            if isinstance(step, int) and isinstance(node, list) and len(node) >= self.stop:
                step += self.start
            steps.append(step)
            node = _entry(node, step)
        return steps

    def _shorten(self, node: Any) -> Any:
        if id(node) not in self.wide:
            return node
        if isinstance(node, list):
            return [self._shorten(item) for item in self._window(node)]
        undeclared = self._window([name for name in node if name not in self.names])
        kept = [*(name for name in node if name in self.names), *undeclared]
        return {name: self._shorten(node[name]) for name in kept}

    def _window(self, entries: list[Any]) -> list[Any]:
        return entries[self.start : self.stop] if len(entries) >= self.stop else entries


def excerpts(value: Any, is_valid: Callable[[Any], bool], names: frozenset[str]) -> Iterator[Excerpt]:
    """Excerpts of an invalid value of which at least one is invalid, the shortest first."""
    for base in (_with_short_strings(value), value):
        wide: set[int] = set()
        longest = _find_wide(base, wide)

        def excerpt(start: int, stop: int, base: Any = base, wide: frozenset[int] = frozenset(wide)) -> Excerpt:
            return Excerpt(base, names, wide, start, stop)

        yield excerpt(0, _WIDTH)
        if longest <= _WIDTH or is_valid(base):
            continue
        # The shortest beginnings that are invalid: the last entry is at fault, or there is one too many.
        valid, invalid = _WIDTH, longest
        while invalid - valid > 1:
            middle = (valid + invalid) // 2
            if is_valid(excerpt(0, middle).value):
                valid = middle
            else:
                invalid = middle
        yield excerpt(max(invalid - _WIDTH, 0), invalid)
        yield excerpt(0, invalid)


def _with_short_strings(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_short_strings(item) for item in node]
    if isinstance(node, dict):
        return {name: _with_short_strings(child) for name, child in node.items()}
    return node[:_TEXT] if isinstance(node, str) else node


def _find_wide(node: Any, wide: set[int]) -> int:
    """The length of the longest array or object in a value; adds the ids of the wide ones."""
    if not isinstance(node, list | dict):
        return 0
    children = node if isinstance(node, list) else node.values()
    longest = max((len(node), *(_find_wide(child, wide) for child in children)))
    if longest >= _WIDTH:
        wide.add(id(node))
    return longest


def _entry(node: Any, step: Any) -> Any:
    return node[step] if isinstance(node, dict | list) else None
