"""Distributes work over several suites that run at a time."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from mutants.suite_runner import Suite

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def run_parallel(
    tasks: Iterable[_Task], run_one: Callable[[Suite, _Task], _Result], *, workers: int, profile: str = "quick"
) -> Iterator[_Result]:
    """The results of `run_one` on each task, as they are ready. Each worker has a suite of its own."""
    waiting: queue.SimpleQueue[_Task] = queue.SimpleQueue()
    ready: queue.SimpleQueue[tuple[_Result] | BaseException | None] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)

    def work() -> None:
        try:
            with Suite(profile) as suite:
                while True:
                    ready.put((run_one(suite, waiting.get_nowait()),))
        except queue.Empty:
            ready.put(None)
        except BaseException as error:
            ready.put(error)

    for _ in range(workers):
        threading.Thread(target=work, daemon=True).start()
    while workers:
        result = ready.get()
        if isinstance(result, BaseException):
            raise result
        if result is None:
            workers -= 1
        else:
            yield result[0]
