"""Walks exception chains, and removes frames from tracebacks."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from types import TracebackType
from typing import Any


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and its causes and contexts."""
    waiting, seen = [error], {id(error)}
    while waiting:
        link = waiting.pop()
        yield link
        for linked in (link.__cause__, link.__context__):
            if linked is not None and id(linked) not in seen:
                seen.add(id(linked))
                waiting.append(linked)


def redact_chain(error: BaseException, redact: Callable[[Any], Any]) -> None:
    """Redact the texts that an error, its causes and its contexts have: HTTP libraries quote what a server sent."""
    for link in chain(error):
        link.args = tuple(redact(each) if isinstance(each, (str, bytes)) else each for each in link.args)
        for name, value in list(getattr(link, "__dict__", {}).items()):
            if isinstance(value, (str, bytes)):
                setattr(link, name, redact(value))


def without_frames(trace: TracebackType | None, packages: Container[str]) -> TracebackType | None:
    """A traceback without the frames of some packages, since error trackers collect the variables of frames."""
    if trace is None:
        return None
    stop = without_frames(trace.tb_next, packages)
    if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in packages:
        return stop
    return TracebackType(stop, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
