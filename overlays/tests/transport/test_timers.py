"""Alarms: a wait that takes too long ends, whoever else cancels meanwhile, and one timer is enough for many."""

from __future__ import annotations

import asyncio

import pytest
from aurous.transport.timer import Alarm


async def wait(alarm: Alarm, seconds: float) -> str:
    """Wait for ever, or for so many seconds."""
    alarm.set(seconds)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not alarm.has_rung():
            raise
        return "rang"
    finally:
        alarm.rest()
    return "came"


def test_expired_timer_ends_a_wait_without_pending_cancellation() -> None:
    async def go() -> tuple[str, str, int]:
        alarm, task = Alarm(), asyncio.current_task()
        assert task is not None
        return await wait(alarm, 0.01), await wait(alarm, 0.01), task.cancelling()

    assert asyncio.run(go()) == ("rang", "rang", 0)


def test_timer_can_be_moved_later_and_sooner() -> None:
    async def go() -> list[str]:
        alarm = Alarm()
        alarm.set(0.01)
        alarm.rest()
        # The timer of the first goes off during this one, and counts for nothing.
        alarm.set(30)
        await asyncio.sleep(0.05)
        alarm.rest()
        return [await wait(alarm, 0.01)]

    assert asyncio.run(go()) == ["rang"]


def test_timer_leaves_other_cancellations_alone() -> None:
    async def go() -> bool:
        task = asyncio.create_task(wait(Alarm(), 30))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(go())


def test_other_cancellation_at_the_same_moment_wins() -> None:
    async def go() -> bool:
        alarm = Alarm()
        task = asyncio.create_task(wait(alarm, 0.01))
        await asyncio.sleep(0)
        # Both are due before the task runs again.
        asyncio.get_running_loop().call_at(alarm._due, task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(go())


def test_stopped_timer_does_not_expire() -> None:
    async def go() -> str:
        alarm = Alarm()
        alarm.set(0.01)
        alarm.rest()
        await asyncio.sleep(0.05)
        alarm.set(30)
        alarm.close()
        await asyncio.sleep(0)
        alarm.rest()
        return "undisturbed"

    assert asyncio.run(go()) == "undisturbed"
