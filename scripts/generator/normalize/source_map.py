"""Maps the nodes of a normalized document to where they stand in the file."""

from __future__ import annotations

from ..yaml_loader import Pointer


class SourceMap:
    """Where nodes that a pass has moved or copied are written in the file."""

    def __init__(self) -> None:
        self._sources: dict[Pointer, Pointer] = {}

    def move(self, new: Pointer, old: Pointer) -> None:
        """Record that what is at `new` was at `old` before."""
        length = len(old)
        inner = {
            (*new, *place[length:]): source
            for place, source in self._sources.items()
            if len(place) > length and place[:length] == old
        }
        self._sources |= {new: self.source(old), **inner}

    def source(self, pointer: Pointer) -> Pointer:
        """The place in the file of a node of the normalized document."""
        for length in range(len(pointer), 0, -1):
            known = self._sources.get(pointer[:length])
            if known is not None:
                return (*known, *pointer[length:])
        return pointer
