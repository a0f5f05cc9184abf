"""Timeouts: a wait that takes too long ends, whoever else cancels meanwhile, and one timer is enough for many."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

import pytest
from aurous.transport.async_body import ReusableTimeout


async def wait(timeout: ReusableTimeout, seconds: float) -> str:
    """Wait for ever, or for so many seconds."""
    timeout.start(seconds)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not timeout.expired():
            raise
        return "expired"
    finally:
        timeout.stop()
    return "done"


def test_expired_timer_ends_a_wait_without_pending_cancellation() -> None:
    async def go() -> tuple[str, str, int]:
        timeout, task = ReusableTimeout(asyncio.get_running_loop()), asyncio.current_task()
        assert task is not None
        return await wait(timeout, 0.01), await wait(timeout, 0.01), task.cancelling()

    assert asyncio.run(go()) == ("expired", "expired", 0)


def test_timer_can_be_moved_later_and_sooner() -> None:
    async def go() -> list[str]:
        timeout = ReusableTimeout(asyncio.get_running_loop())
        timeout.start(0.01)
        timeout.stop()
        # The timer of the first goes off during this one, and counts for nothing.
        timeout.start(30)
        await asyncio.sleep(0.05)
        timeout.stop()
        return [await wait(timeout, 0.01)]

    assert asyncio.run(go()) == ["expired"]


def test_timer_leaves_other_cancellations_alone() -> None:
    async def go() -> bool:
        task = asyncio.create_task(wait(ReusableTimeout(asyncio.get_running_loop()), 30))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(go())


def test_other_cancellation_at_the_same_moment_wins() -> None:
    async def go() -> bool:
        loop = asyncio.get_running_loop()
        with patch.object(loop, "call_at", wraps=loop.call_at) as call_at:
            task = asyncio.create_task(wait(ReusableTimeout(loop), 0.01))
            await asyncio.sleep(0)
        # Both are due before the task runs again.
        loop.call_at(call_at.call_args.args[0], task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(go())


def test_stopped_timer_does_not_expire() -> None:
    async def go() -> str:
        timeout = ReusableTimeout(asyncio.get_running_loop())
        timeout.start(0.01)
        timeout.stop()
        await asyncio.sleep(0.05)
        timeout.start(30)
        timeout.close()
        await asyncio.sleep(0)
        timeout.stop()
        return "undisturbed"

    assert asyncio.run(go()) == "undisturbed"
