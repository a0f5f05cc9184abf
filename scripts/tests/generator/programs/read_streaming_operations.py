"""Reads the streams of the operations that test_streaming_operations.py adds to the spec, with both clients.

    python read_streaming_operations.py http://127.0.0.1:PORT

Runs, and is type-checked, beside the package generated from that spec; the committed package has no such methods.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from typing import assert_type

import aurous
import aurous_client
from aurous_client.models import (
    CreateImaginaryStoryEvent,
    ImaginaryProgress,
    ImaginaryReady,
    ImaginaryRow,
    RetrieveImaginaryStoryEvent,
    WatchImaginaryWeatherEvent,
)

assert "generated" not in str(aurous_client.__file__)
KEY = "al_live_" + "0" * 64


def check_story(events: list[CreateImaginaryStoryEvent]) -> None:
    progress, ready = events
    assert isinstance(progress, ImaginaryProgress)
    assert isinstance(ready, ImaginaryReady)
    assert (progress.percent, ready.cost.amount) == (50, 0.75)


def check_weather(events: list[WatchImaginaryWeatherEvent]) -> None:
    assert [event.kind for event in events] == ["sun", "rain"]


def synchronous(client: aurous.Aurous) -> None:
    with client.imaginary_stories.stream(title="Rain") as story:
        check_story(list(story))
        assert aurous.receipt(story).credits == Decimal("0.75")
        assert aurous.response_info(story).status_code == 200
    assert client.ledger.credits == Decimal("0.75")
    assert client.imaginary_stories.create(title="Rain").cost.amount == 0.5
    with client.budget(credits="0.5") as budget:
        with client.imaginary_stories.stream(title="Rain") as story:
            list(story)
        assert budget.spent == Decimal("0.75")
        try:
            with client.imaginary_stories.stream(title="Rain"):
                raise AssertionError("a stream passed a budget that was spent")
        except aurous.BudgetExceededError:
            pass
    with client.imaginary_stories.events.stream("s") as watched:
        for event in watched:
            assert_type(event, ImaginaryProgress)
            assert event.percent == 1
    with client.imaginary_stories.retrieve_stream("s") as words:
        for word in words:
            assert_type(word, RetrieveImaginaryStoryEvent)
            assert isinstance(word.word, str)
    with client.imaginary_weather.stream() as weather:
        check_weather(list(weather))
    assert_type(client.imaginary_rows.list(), list[ImaginaryRow])
    with client.imaginary_rows.list_stream() as rows:
        assert_type(rows.__next__(), ImaginaryRow)
        assert [row.number for row in rows] == [2]
    with client.imaginary_stories.dictate("s") as text:
        assert " ".join(text) == "one two"


async def asynchronous(client: aurous.AsyncAurous) -> None:
    async with client.imaginary_stories.stream(title="Rain") as story:
        check_story([event async for event in story])
        assert aurous.receipt(story).credits == Decimal("0.75")
    assert client.ledger.credits == Decimal("0.75")
    async with client.imaginary_stories.events.stream("s") as watched:
        async for event in watched:
            assert_type(event, ImaginaryProgress)
    async with client.imaginary_weather.stream() as weather:
        check_weather([event async for event in weather])
    async with client.imaginary_rows.list_stream() as rows:
        assert [row.number async for row in rows] == [1, 2]
    async with client.imaginary_stories.dictate("s") as text:
        assert [word async for word in text] == ["one", "two"]


async def main(url: str) -> None:
    with aurous.Aurous(KEY, base_url=url) as client:
        synchronous(client)
    async with aurous.AsyncAurous(KEY, base_url=url) as asynchronous_client:
        await asynchronous(asynchronous_client)
    print("all is well")


asyncio.run(main(sys.argv[1]))
