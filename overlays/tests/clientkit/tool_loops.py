"""Tools, scripted completions and clients that answer with them, for tests of the tool loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aurous.tools.loop import (
    arun_tools,
    run_tools,
)
from aurous_client.encoding import encode
from aurous_client.models import ChatCompletion

QUESTION = [{"role": "user", "content": "How warm is it in Rome?"}]


USAGE = {
    "prompt_tokens": 1,
    "completion_tokens": 2,
    "total_tokens": 3,
    "credits_charged": 0.3,
    "breakdown": {"input_credits": 0.1, "output_credits": 0.2, "model": "m", "pricing_version": 1},
}


def double(number: int) -> int:
    return 2 * number


def triple(number: int) -> int:
    return 3 * number


async def slow_double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def fail(number: int) -> int:
    raise LookupError(f"no {number}")


def call(name: str, arguments: str, call_id: str = "call_1") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def completion(*calls: dict[str, Any], content: str | None = None, finish_reason: str | None = None) -> ChatCompletion:
    message = {"role": "assistant", "content": content, **({"tool_calls": [*calls]} if calls else {})}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason or ("tool_calls" if calls else "stop")}
    head = {"id": "cmp_1", "object": "chat.completion", "created": 1, "model": "m"}
    return ChatCompletion.from_dict({**head, "choices": [choice], "usage": USAGE, "status": "completed"})


ANSWER = completion(content="It is warm.")


class Client:
    """Answers with one completion after the other, the last one for ever, and keeps what it was asked."""

    def __init__(self, *completions: ChatCompletion) -> None:
        self._completions = [*completions]
        self.requests: list[dict[str, Any]] = []
        self.chat: Any = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, **request: Any) -> ChatCompletion:
        # What is sent, not what may change behind it.
        self.requests.append(json.loads(json.dumps(encode(request))))
        return self._completions.pop(0) if len(self._completions) > 1 else self._completions[0]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Of the last request, those behind the question."""
        return list(self.requests[-1]["messages"][1:])

    @property
    def tool_results(self) -> list[str]:
        """The contents of the tool messages in the last request."""
        return [message["content"] for message in self.messages if message["role"] == "tool"]


class AsyncClient(Client):
    def __init__(self, *completions: ChatCompletion) -> None:
        super().__init__(*completions)
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._acreate))

    async def _acreate(self, **request: Any) -> ChatCompletion:
        await asyncio.sleep(0)
        return self._create(**request)


def run_sync(*completions: ChatCompletion, **options: Any) -> tuple[Any, Client]:
    client = Client(*completions)
    return run_tools(client, model="m", messages=QUESTION, **options), client


def run_async(*completions: ChatCompletion, **options: Any) -> tuple[Any, Client]:
    client = AsyncClient(*completions)
    return asyncio.run(arun_tools(client, model="m", messages=QUESTION, **options)), client


both = pytest.mark.parametrize("run", [run_sync, run_async])


Run = Callable[..., tuple[Any, Client]]
