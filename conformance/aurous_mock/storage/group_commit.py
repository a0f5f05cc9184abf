"""Runs transactions of one SQLite database in groups, so that one fsync makes all of a group durable."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import sqlalchemy as sa

_GROUP_SIZE = 256

T = TypeVar("T")


class Rollback(Exception):  # noqa: N818 - no error: how a transaction ends without effect
    """Ends a transaction without effect; `result` is its result."""

    def __init__(self, result: Any) -> None:
        super().__init__(result)
        self.result = result


class GroupCommitter:
    """A thread that owns the writing connection. What waits while a group commits forms the next group."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="aurous-mock-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sa.Connection], T]) -> "Future[T]":
        """Run `work` in a transaction. The future is done after the commit.

        `work` may run twice, the first time without effect on the database, so it must have no other effects.
        """
        job = _Job(work)
        self._queue.put(job)
        return job.future

    def stop(self) -> None:
        """Commit what is queued, and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            group = [self._queue.get()]
            while len(group) < _GROUP_SIZE and not self._queue.empty():
                group.append(self._queue.get())
            running = None not in group
            jobs = [job for job in group if job is not None]
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: "list[_Job]") -> None:
        try:
            if not self._commit_together(jobs):
                self._commit_separately(jobs)
        except BaseException as error:
            for job in jobs:
                job.future.set_exception(error)
        else:
            for job in jobs:
                job.resolve()

    def _commit_together(self, jobs: "list[_Job]") -> bool:
        """Commit all without savepoints, which cost a third of the time; False, without effect, if one fails."""
        with self._engine.connect() as connection, connection.begin() as transaction:
            for job in jobs:
                job.run(connection)
                if job.is_rolled_back:
                    transaction.rollback()
                    return False
        return True

    def _commit_separately(self, jobs: "list[_Job]") -> None:
        """Commit those that succeed: a failure of one transaction must not undo the others of its group."""
        with self._engine.begin() as connection:
            for job in jobs:
                savepoint = connection.begin_nested()
                job.run(connection)
                if job.is_rolled_back:
                    savepoint.rollback()
                else:
                    savepoint.commit()


class _Job:
    def __init__(self, work: Callable[[sa.Connection], Any]) -> None:
        self._work = work
        self._result: Any = None
        self._error: Exception | None = None
        self.is_rolled_back = False
        self.future: Future[Any] = Future()
        # Once it is running it cannot be cancelled: a request that ends does not undo its transaction.
        self.future.set_running_or_notify_cancel()

    def run(self, connection: sa.Connection) -> None:
        self._result, self._error, self.is_rolled_back = None, None, False
        try:
            self._result = self._work(connection)
        except Rollback as rollback:
            self._result, self.is_rolled_back = rollback.result, True
        except Exception as error:
            self._error, self.is_rolled_back = error, True

    def resolve(self) -> None:
        if self._error is None:
            self.future.set_result(self._result)
        else:
            self.future.set_exception(self._error)
