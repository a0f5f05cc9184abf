"""Walks exceptions and their tracebacks, to take out frames that hold secrets. Knows no HTTP library."""

from __future__ import annotations

from collections.abc import Container, Iterator
from types import TracebackType


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all behind it."""
    waiting, seen = [error], {id(error)}
    while waiting:
        link = waiting.pop()
        yield link
        for behind in (link.__cause__, link.__context__):
            if behind is not None and id(behind) not in seen:
                seen.add(id(behind))
                waiting.append(behind)


def without_frames(trace: TracebackType | None, packages: Container[str]) -> TracebackType | None:
    """A traceback less the frames of some packages: what collects errors collects the variables of frames, too."""
    if trace is None:
        return None
    rest = without_frames(trace.tb_next, packages)
    if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in packages:
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
