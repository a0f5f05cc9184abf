"""The loop that runs functions for the model, by a client of scripted completions, and once by the mock."""

from __future__ import annotations

import asyncio
import json
import pickle
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from aurous import AsyncAurous, Aurous
from aurous.testing import AurousMock
from aurous.tools.loop import ToolArgumentsError, ToolLoopError, UnknownToolError, arun_tools, run_tools, tool
from aurous_client.encoding import encode
from aurous_client.models import ChatCompletion, ToolCall
from aurous_client.models.finish_reason import FINISH_REASON_VALUES

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
    def told(self) -> list[str]:
        """What the model was told by tools, in the last request."""
        return [message["content"] for message in self.messages if message["role"] == "tool"]


class AsyncClient(Client):
    def __init__(self, *completions: ChatCompletion) -> None:
        super().__init__(*completions)
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._acreate))

    async def _acreate(self, **request: Any) -> ChatCompletion:
        await asyncio.sleep(0)
        return self._create(**request)


def run_in_step(*completions: ChatCompletion, **options: Any) -> tuple[Any, Client]:
    client = Client(*completions)
    return run_tools(client, model="m", messages=QUESTION, **options), client


def run_at_once(*completions: ChatCompletion, **options: Any) -> tuple[Any, Client]:
    client = AsyncClient(*completions)
    return asyncio.run(arun_tools(client, model="m", messages=QUESTION, **options)), client


both = pytest.mark.parametrize("run", [run_in_step, run_at_once])
Run = Callable[..., tuple[Any, Client]]


@both
def test_no_calls(run: Run) -> None:
    ran, client = run(ANSWER, tools=[double], temperature=0.5)
    assert (ran.text, ran.completion, ran.completions) == ("It is warm.", ANSWER, [ANSWER])
    assert len(client.requests) == 1
    assert client.requests[0]["model"] == "m"
    assert client.requests[0]["messages"] == QUESTION
    assert client.requests[0]["temperature"] == 0.5
    assert client.requests[0]["tools"] == [tool(double).to_dict()]
    assert encode(ran.messages) == [*QUESTION, {"role": "assistant", "content": "It is warm."}]


@both
def test_rounds(run: Run) -> None:
    calls = [call("double", '{"number": 4}', "call_1"), call("triple", '{"number": 4}', "call_2")]
    last = call("double", '{"number": 5}', "call_3")
    ran, client = run(
        completion(*calls, content="Let me see."),
        completion(last),
        ANSWER,
        tools=[double, tool(triple)],
    )
    assert len(ran.completions) == len(client.requests) == 3
    assert client.messages == [
        {"role": "assistant", "content": "Let me see.", "tool_calls": calls},
        {"role": "tool", "content": "8", "tool_call_id": "call_1"},
        {"role": "tool", "content": "12", "tool_call_id": "call_2"},
        {"role": "assistant", "content": None, "tool_calls": [last]},
        {"role": "tool", "content": "10", "tool_call_id": "call_3"},
    ]
    assert encode(ran.messages) == [*QUESTION, *client.messages, {"role": "assistant", "content": "It is warm."}]


@both
def test_failures_are_handed_back(run: Run) -> None:
    calls = [
        call("double", '{"number": "four"}'),
        call("dubble", "{}"),
        call("fail", '{"number": 4}'),
        call("double", '{"number": 4}'),
    ]
    _, client = run(completion(*calls), ANSWER, tools=[double, fail])
    assert [json.loads(told) for told in client.told] == [
        {
            "error": {
                "type": "invalid_arguments",
                "message": "the arguments do not fit: Expected `int`, got `str` - at `$.number`",
            }
        },
        {"error": {"type": "unknown_tool", "message": "there is no tool 'dubble'; there are: double, fail"}},
        {"error": {"type": "tool_failed", "message": "LookupError: no 4"}},
        8,
    ]


@both
def test_on_error(run: Run) -> None:
    seen: list[tuple[str, type[Exception]]] = []

    def on_error(failed: ToolCall, error: Exception) -> str | None:
        seen.append((failed.id, type(error)))
        return "Try 5." if isinstance(error, ToolArgumentsError) else None

    calls = [call("double", "", "a"), call("dubble", "", "b"), call("fail", '{"number": 4}', "c")]
    _, client = run(completion(*calls), ANSWER, tools=[double, fail], on_error=on_error)
    assert seen == [("a", ToolArgumentsError), ("b", UnknownToolError), ("c", LookupError)]
    assert client.told[0] == "Try 5."
    assert json.loads(client.told[2])["error"]["type"] == "tool_failed"


@both
def test_on_error_can_end_the_loop(run: Run) -> None:
    def on_error(failed: ToolCall, error: Exception) -> str | None:
        raise error

    with pytest.raises(LookupError, match="no 4"):
        run(completion(call("fail", '{"number": 4}')), ANSWER, tools=[fail], on_error=on_error)


@both
@pytest.mark.parametrize("max_rounds", [1, 3])
def test_too_many_rounds(run: Run, max_rounds: int) -> None:
    again = completion(call("double", '{"number": 4}'))
    with pytest.raises(ToolLoopError, match=f"still calls tools after {max_rounds} rounds") as caught:
        run(again, tools=[double], max_rounds=max_rounds)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.completions, error.completion_id) == ([again] * max_rounds, "cmp_1")
    assert len(error.messages) == 2 * max_rounds
    assert error.messages[-1].tool_calls[0].function.name == "double"


@both
@pytest.mark.parametrize("finish_reason", [*FINISH_REASON_VALUES, "new_reason"])
def test_every_finish_reason(run: Run, finish_reason: str) -> None:
    asked = completion(call("double", '{"number": 4}'), finish_reason=finish_reason)
    # The calls of any other are whole, those of reasons that nobody knew when this was written included.
    if finish_reason not in ("length", "content_filter", "cancelled"):
        assert run(asked, ANSWER, tools=[double])[0].text == "It is warm."
    else:
        with pytest.raises(ToolLoopError, match=f"ended with {finish_reason}"):
            run(asked, ANSWER, tools=[double])
    assert run(completion(content="", finish_reason=finish_reason), tools=[double])[0].text == ""


@both
@pytest.mark.parametrize(
    ("choice", "later"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", None),
        ({"type": "function", "function": {"name": "double"}}, None),
    ],
)
def test_a_forced_choice_holds_for_one_round(run: Run, choice: Any, later: Any) -> None:
    _, client = run(completion(call("double", '{"number": 4}')), ANSWER, tools=[double], tool_choice=choice)
    assert [request.get("tool_choice") for request in client.requests] == [choice, later]


@both
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"idempotency_key": "k"}, TypeError, "idempotency_key"),
        ({"stream": True}, TypeError, "stream"),
        ({"tools": [double, double]}, TypeError, "two tools have the same name"),
        ({"max_rounds": 0}, ValueError, "at least 1"),
    ],
)
def test_what_does_not_go_with_a_loop(run: Run, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(ANSWER, **{"tools": [double], **options})


def test_async_functions_need_the_async_loop() -> None:
    with pytest.raises(TypeError, match="slow_double: async functions need arun_tools"):
        run_in_step(ANSWER, tools=[double, slow_double])
    with pytest.raises(TypeError, match="slow_double is async: use ainvoke"):
        tool(slow_double).invoke('{"number": 4}')
    ran, client = run_at_once(completion(call("slow_double", '{"number": 4}')), ANSWER, tools=[slow_double])
    assert (ran.text, client.told) == ("It is warm.", ["8"])


def test_calls_of_one_round_run_at_the_same_time() -> None:
    async def main() -> list[str]:
        met = asyncio.Barrier(3)

        async def meet(number: int) -> int:
            await met.wait()
            return number

        calls = [call("meet", f'{{"number": {number}}}', f"call_{number}") for number in range(3)]
        client = AsyncClient(completion(*calls), ANSWER)
        await arun_tools(client, model="m", messages=QUESTION, tools=[meet])
        return client.told

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["0", "1", "2"]


def test_plain_functions_do_not_block_the_loop() -> None:
    async def main() -> list[str]:
        released = threading.Event()

        def wait() -> bool:
            return released.wait(10)

        async def release() -> None:
            released.set()

        client = AsyncClient(completion(call("wait", ""), call("release", "")), ANSWER)
        await arun_tools(client, model="m", messages=QUESTION, tools=[wait, release])
        return client.told

    assert asyncio.run(main()) == ["true", "null"]


def test_cancelling_cancels_the_calls() -> None:
    async def main() -> bool:
        started, cancelled = asyncio.Event(), False

        async def hang() -> None:
            nonlocal cancelled
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled = True
                raise

        client = AsyncClient(completion(call("hang", "")), ANSWER)
        running = asyncio.create_task(arun_tools(client, model="m", messages=QUESTION, tools=[hang]))
        await started.wait()
        running.cancel()
        await asyncio.wait([running])
        return cancelled and running.cancelled()

    assert asyncio.run(main())


@both
def test_the_caller_s_messages_are_left_alone(run: Run) -> None:
    before = [*QUESTION]
    run(completion(call("double", '{"number": 4}')), ANSWER, tools=[double])
    assert before == QUESTION


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_on_the_wire(aurous_mock: AurousMock, kind: str) -> None:
    asked: list[str] = []

    @tool
    def measure(city: str, unit: Literal["celsius", "kelvin"] = "celsius") -> str:
        """How warm a city is."""
        asked.append(city)
        return f"290 {unit}"

    async def main() -> Any:
        async with AsyncAurous() as client:
            return await arun_tools(client, model="aurous-grow-2.0-pro", messages=QUESTION, tools=[measure])

    if kind == "async":
        ran = asyncio.run(main())
    else:
        with Aurous() as client:
            ran = run_tools(client, model="aurous-grow-2.0-pro", messages=QUESTION, tools=[measure])
    assert ran.text
    assert len(asked) == len(ran.completions) - 1 == 1
    assert len(aurous_mock.ledger()) == 2
