"""Runs of pytest of their own, with the plugin, for tests of a service."""

from __future__ import annotations

import pytest

# Other plugins of this machine have no part in these runs, and cost each of them a second.
OTHERS = ["anyio", "cacheprovider", "faker", "hypothesispytest", "schemathesis", "xdist", "xdist.looponfail"]

SERVICE = """
    from aurous import Aurous

    def ask(text):
        with Aurous() as client:
            messages = [{"role": "user", "content": text}]
            return client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)
"""

# A client of each kind that a service made when it was imported, and one call of each.
MODULE_CLIENTS = """
    import asyncio
    from aurous import AsyncAurous, Aurous

    client = Aurous()
    variant = client.with_options(max_retries=0)
    async_client = AsyncAurous()
    QUESTION = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello."}]}

    def create():
        return variant.chat.completions.create(**QUESTION)

    def stream():
        with client.chat.completions.stream(**QUESTION) as stream:
            return "".join(stream.text)

    def acreate():
        return asyncio.run(async_client.chat.completions.create(**QUESTION))

    def astream():
        async def read():
            async with async_client.chat.completions.stream(**QUESTION) as stream:
                return "".join([text async for text in stream.text])

        return asyncio.run(read())

    CALLS = [create, stream, acreate, astream]
"""


def run(pytester: pytest.Pytester, *arguments: str, beside: str = "") -> pytest.RunResult:
    """beside: a plugin that has a part in it after all"""
    without = [f"-pno:{name}" for name in OTHERS if name != beside]
    return pytester.runpytest_subprocess(*without, *arguments)
