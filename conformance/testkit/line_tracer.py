"""Watches the lines of some files while a block runs, for tests that interrupt code at each of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


class LineTracer:
    """Calls `on_line`, which may raise, before each line in the files whose names begin with one of these."""

    def __init__(self, files: tuple[str, ...]) -> None:
        self._files = files

    def on_line(self, file: str, number: int) -> None:
        raise NotImplementedError

    def __enter__(self) -> LineTracer:
        self._before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(self._before)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
        return self._trace_line if frame.f_code.co_filename.startswith(self._files) else None

    def _trace_line(self, frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        if event == "line":
            self.on_line(frame.f_code.co_filename, frame.f_lineno)
        return self._trace_line
