"""Errors that end the tool loop: the completions paid for and the results are kept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aurous import EncodeError, RateLimitError
from aurous.tools.loop import (
    arun_tools,
    run_tools,
    tool,
)
from aurous_client.encoding import encode
from aurous_client.models import ChatCompletion, ToolCall
from clientkit.tool_loops import (
    ANSWER,
    QUESTION,
    AsyncClient,
    Client,
    Run,
    both,
    call,
    completion,
    double,
    fail,
    run_async,
    run_sync,
    slow_double,
)


class Broken(Client):
    """Fails instead of the third completion."""

    def __init__(self, *completions: ChatCompletion, error: BaseException) -> None:
        super().__init__(*completions)
        self.error = error

    def _create(self, **request: Any) -> ChatCompletion:
        if len(self.requests) == 2:
            raise self.error
        return super()._create(**request)


class AsyncBroken(Broken):
    def __init__(self, *completions: ChatCompletion, error: BaseException) -> None:
        super().__init__(*completions, error=error)
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._acreate))

    async def _acreate(self, **request: Any) -> ChatCompletion:
        return self._create(**request)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    "error", [RateLimitError(429), EncodeError("metadata: no"), KeyError("own"), KeyboardInterrupt()], ids=repr
)
def test_error_in_round_three_keeps_what_was_paid_for(kind: str, error: BaseException) -> None:
    rounds = [completion(call("double", f'{{"number": {number}}}', f"call_{number}")) for number in (1, 2)]

    def call_model(client: Any, messages: Any) -> Any:
        if kind == "sync":
            return run_tools(client, model="m", messages=messages, tools=[double])
        return asyncio.run(arun_tools(client, model="m", messages=messages, tools=[double]))

    broken = AsyncBroken if kind == "async" else Broken
    with pytest.raises(type(error)) as caught:
        call_model(broken(*rounds, error=error), QUESTION)
    # It is the error itself, and no other.
    assert caught.value is error
    raised: Any = caught.value
    assert raised.completions == rounds
    assert [message["role"] for message in encode(raised.messages)[1:]] == ["assistant", "tool", "assistant", "tool"]
    assert encode(raised.messages)[-1]["content"] == "4"

    client = (AsyncClient if kind == "async" else Client)(ANSWER)
    assert call_model(client, raised.messages).text == "It is warm."
    assert client.requests[0]["messages"] == encode(raised.messages)


@both
def test_error_of_on_error_keeps_the_results_of_the_round(run: Run) -> None:
    def on_error(failed: ToolCall, error: Exception) -> str | None:
        raise error

    calls = [call("double", '{"number": 4}', "call_1"), call("fail", '{"number": 4}', "call_2")]
    with pytest.raises(LookupError, match="no 4") as caught:
        run(completion(*calls), ANSWER, tools=[double, fail], on_error=on_error)
    raised: Any = caught.value
    assert len(raised.completions) == 1
    assert encode(raised.messages)[2:] == [{"role": "tool", "content": "8", "tool_call_id": "call_1"}]


def test_error_of_on_error_keeps_the_results_of_calls_that_were_made_at_the_same_time() -> None:
    def on_error(failed: ToolCall, error: Exception) -> str | None:
        raise error

    ids = ("call_1", "call_2", "call_3", "call_4")
    names = ("double", "fail", "slow_double", "fail")
    calls = [call(name, '{"number": 4}', call_id) for name, call_id in zip(names, ids, strict=True)]
    with pytest.raises(LookupError, match="no 4") as caught:
        run_async(completion(*calls), ANSWER, tools=[double, fail, slow_double], on_error=on_error)
    raised: Any = caught.value
    assert [message["tool_call_id"] for message in encode(raised.messages)[2:]] == ["call_1", "call_3"]


def test_interrupted_tool_keeps_the_results_of_the_others() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    calls = [call("double", '{"number": 4}', "call_1"), call("interrupt", "", "call_2")]
    with pytest.raises(KeyboardInterrupt) as caught:
        run_sync(completion(*calls), ANSWER, tools=[double, interrupt])
    assert [message["content"] for message in encode(vars(caught.value)["messages"])[2:]] == ["8"]

    calls = [call("slow_double", '{"number": 4}', "call_1"), call("cancel", "", "call_2")]

    async def main() -> Any:
        async def late_cancel() -> None:
            # After the other has had its turns.
            for _ in range(5):
                await asyncio.sleep(0)
            raise asyncio.CancelledError

        tools = [slow_double, tool(name="cancel")(late_cancel)]
        with pytest.raises(asyncio.CancelledError) as caught:
            await arun_tools(AsyncClient(completion(*calls), ANSWER), model="m", messages=QUESTION, tools=tools)
        return caught.value

    assert [message["content"] for message in encode(vars(asyncio.run(main()))["messages"])[2:]] == ["8"]
