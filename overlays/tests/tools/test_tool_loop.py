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
from aurous import AsyncAurous, Aurous, EncodeError, RateLimitError
from aurous.testing import AurousMock
from aurous.tools.loop import (
    ToolArgumentsError,
    ToolLoopError,
    ToolResultError,
    UnknownToolError,
    arun_tools,
    run_tools,
    tool,
)
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


@both
def test_an_answer_without_calls_ends_the_loop(run: Run) -> None:
    ran, client = run(ANSWER, tools=[double], temperature=0.5)
    assert (ran.text, ran.completion, ran.completions) == ("It is warm.", ANSWER, [ANSWER])
    assert len(client.requests) == 1
    assert client.requests[0]["model"] == "m"
    assert client.requests[0]["messages"] == QUESTION
    assert client.requests[0]["temperature"] == 0.5
    assert client.requests[0]["tools"] == [tool(double).to_dict()]
    assert encode(ran.messages) == [*QUESTION, {"role": "assistant", "content": "It is warm."}]


@both
def test_tool_results_are_sent_until_the_model_answers(run: Run) -> None:
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
def test_failed_tool_calls_are_reported_to_the_model(run: Run) -> None:
    calls = [
        call("double", '{"number": "four"}'),
        call("dubble", "{}"),
        call("fail", '{"number": 4}'),
        call("double", '{"number": 4}'),
    ]
    _, client = run(completion(*calls), ANSWER, tools=[double, fail])
    assert [json.loads(text) for text in client.tool_results] == [
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
def test_on_error_replaces_the_text_for_the_model(run: Run) -> None:
    seen: list[tuple[str, type[Exception]]] = []

    def on_error(failed: ToolCall, error: Exception) -> str | None:
        seen.append((failed.id, type(error)))
        return "Try 5." if isinstance(error, ToolArgumentsError) else None

    calls = [call("double", "", "a"), call("dubble", "", "b"), call("fail", '{"number": 4}', "c")]
    _, client = run(completion(*calls), ANSWER, tools=[double, fail], on_error=on_error)
    assert seen == [("a", ToolArgumentsError), ("b", UnknownToolError), ("c", LookupError)]
    assert client.tool_results[0] == "Try 5."
    assert json.loads(client.tool_results[2])["error"]["type"] == "tool_failed"


@both
def test_on_error_can_end_the_loop(run: Run) -> None:
    def on_error(failed: ToolCall, error: Exception) -> str | None:
        raise error

    with pytest.raises(LookupError, match="no 4"):
        run(completion(call("fail", '{"number": 4}')), ANSWER, tools=[fail], on_error=on_error)


@both
@pytest.mark.parametrize("max_rounds", [1, 3])
def test_max_rounds_raises_tool_loop_error_with_the_conversation(run: Run, max_rounds: int) -> None:
    again = completion(call("double", '{"number": 4}'))
    with pytest.raises(ToolLoopError, match=f"still calls tools after {max_rounds} rounds") as caught:
        run(again, tools=[double], max_rounds=max_rounds)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.completions, error.completion_id) == ([again] * max_rounds, "cmp_1")
    assert len(error.messages) == 2 * max_rounds
    assert error.messages[-1].tool_calls[0].function.name == "double"


@both
@pytest.mark.parametrize("finish_reason", [*FINISH_REASON_VALUES, "new_reason"])
def test_truncated_answers_with_calls_raise_tool_loop_error(run: Run, finish_reason: str) -> None:
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
def test_a_forced_tool_choice_applies_to_the_first_round_only(run: Run, choice: Any, later: Any) -> None:
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
def test_invalid_loop_arguments_are_refused(run: Run, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        run(ANSWER, **{"tools": [double], **options})


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
def test_an_error_in_round_three_keeps_what_was_paid_for(kind: str, error: BaseException) -> None:
    rounds = [completion(call("double", f'{{"number": {number}}}', f"call_{number}")) for number in (1, 2)]

    def ask(client: Any, messages: Any) -> Any:
        if kind == "sync":
            return run_tools(client, model="m", messages=messages, tools=[double])
        return asyncio.run(arun_tools(client, model="m", messages=messages, tools=[double]))

    broken = AsyncBroken if kind == "async" else Broken
    with pytest.raises(type(error)) as caught:
        ask(broken(*rounds, error=error), QUESTION)
    # It is the error itself, and no other.
    assert caught.value is error
    kept: Any = caught.value
    assert kept.completions == rounds
    assert [message["role"] for message in encode(kept.messages)[1:]] == ["assistant", "tool", "assistant", "tool"]
    assert encode(kept.messages)[-1]["content"] == "4"

    client = (AsyncClient if kind == "async" else Client)(ANSWER)
    assert ask(client, kept.messages).text == "It is warm."
    assert client.requests[0]["messages"] == encode(kept.messages)


@both
def test_an_error_of_on_error_keeps_the_results_of_the_round(run: Run) -> None:
    def on_error(failed: ToolCall, error: Exception) -> str | None:
        raise error

    calls = [call("double", '{"number": 4}', "call_1"), call("fail", '{"number": 4}', "call_2")]
    with pytest.raises(LookupError, match="no 4") as caught:
        run(completion(*calls), ANSWER, tools=[double, fail], on_error=on_error)
    kept: Any = caught.value
    assert len(kept.completions) == 1
    assert encode(kept.messages)[2:] == [{"role": "tool", "content": "8", "tool_call_id": "call_1"}]


def test_an_interrupted_tool_keeps_the_results_of_the_others() -> None:
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


@both
def test_results_that_cannot_be_sent_are_reported_to_both(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def half_a_pair() -> str:
        return "half a pair: \ud83d"

    def nested_half() -> dict[str, str]:
        return {"text": "\ud83d"}

    def no_json() -> object:
        return object()

    def raises_it() -> None:
        raise ValueError("about \ud83d")

    def numbered() -> dict[int, str]:
        return {1: "one"}

    functions = [half_a_pair, nested_half, no_json, raises_it, numbered]
    calls = [call(function.__name__, "", f"call_{number}") for number, function in enumerate(functions)]
    ran, client = run(completion(*calls), ANSWER, tools=functions)
    assert ran.text == "It is warm."
    *errors, last = [json.loads(text) for text in client.tool_results]
    assert [error["error"]["type"] for error in errors] == ["invalid_result"] * 3 + ["tool_failed"]
    assert errors[0]["error"]["message"] == (
        "half_a_pair returned what cannot be sent: text with half of a surrogate pair"
    )
    assert errors[3]["error"]["message"] == r"ValueError: about \ud83d"
    assert last == {"1": "one"}
    # The developer, too: it is no fault of the model.
    assert [record.name for record in caplog.records] == ["aurous"] * 3
    assert all("returned what cannot be sent" in record.message for record in caplog.records)


@both
def test_on_error_gets_results_that_cannot_be_sent(run: Run) -> None:
    def half_a_pair() -> str:
        return "\ud83d"

    seen: list[type[Exception]] = []

    def on_error(failed: ToolCall, error: Exception) -> str:
        seen.append(type(error))
        return "also half: \ud83d"

    _, client = run(completion(call("half_a_pair", "")), ANSWER, tools=[half_a_pair], on_error=on_error)
    assert seen == [ToolResultError]
    assert client.tool_results == [r"also half: \ud83d"]


def test_async_functions_need_arun_tools() -> None:
    with pytest.raises(TypeError, match="slow_double: async functions need arun_tools"):
        run_sync(ANSWER, tools=[double, slow_double])
    with pytest.raises(TypeError, match="slow_double is async: use ainvoke"):
        tool(slow_double).invoke('{"number": 4}')
    ran, client = run_async(completion(call("slow_double", '{"number": 4}')), ANSWER, tools=[slow_double])
    assert (ran.text, client.tool_results) == ("It is warm.", ["8"])


def test_arun_tools_runs_the_calls_of_a_round_concurrently() -> None:
    async def main() -> list[str]:
        met = asyncio.Barrier(3)

        async def meet(number: int) -> int:
            await met.wait()
            return number

        calls = [call("meet", f'{{"number": {number}}}', f"call_{number}") for number in range(3)]
        client = AsyncClient(completion(*calls), ANSWER)
        await arun_tools(client, model="m", messages=QUESTION, tools=[meet])
        return client.tool_results

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["0", "1", "2"]


def test_plain_functions_run_in_threads_under_arun_tools() -> None:
    async def main() -> list[str]:
        released = threading.Event()

        def wait() -> bool:
            return released.wait(10)

        async def release() -> None:
            released.set()

        client = AsyncClient(completion(call("wait", ""), call("release", "")), ANSWER)
        await arun_tools(client, model="m", messages=QUESTION, tools=[wait, release])
        return client.tool_results

    assert asyncio.run(main()) == ["true", "null"]


def test_cancelling_arun_tools_cancels_its_calls() -> None:
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
def test_the_caller_s_messages_are_not_changed(run: Run) -> None:
    before = [*QUESTION]
    run(completion(call("double", '{"number": 4}')), ANSWER, tools=[double])
    assert before == QUESTION


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_tool_loop_against_the_mock(aurous_mock: AurousMock, kind: str) -> None:
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
