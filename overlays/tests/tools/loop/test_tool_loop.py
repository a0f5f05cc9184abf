"""The rounds of the tool loop: which requests it sends, and when it ends."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any, Literal

import pytest
from aurous import AsyncAurous, Aurous
from aurous.testing import AurousMock
from aurous.tools.loop import (
    ToolLoopError,
    arun_tools,
    run_tools,
    tool,
)
from aurous_client.encoding import encode
from aurous_client.models import ChatCompletion
from aurous_client.models.finish_reason import FINISH_REASON_VALUES
from clientkit.tool_loops import ANSWER, QUESTION, Run, both, call, completion, double, triple


@both
def test_answer_without_calls_ends_the_loop(run: Run) -> None:
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
    first = completion(call("double", '{"number": 4}'), finish_reason=finish_reason)
    # The calls of any other are whole, those of reasons that nobody knew when this was written included.
    if finish_reason not in ("length", "content_filter", "cancelled"):
        assert run(first, ANSWER, tools=[double])[0].text == "It is warm."
    else:
        with pytest.raises(ToolLoopError, match=f"ended with {finish_reason}"):
            run(first, ANSWER, tools=[double])
    assert run(completion(content="", finish_reason=finish_reason), tools=[double])[0].text == ""


@both
def test_completion_without_choices_raises_tool_loop_error(run: Run) -> None:
    asked = completion(call("double", '{"number": 4}'))
    empty = ChatCompletion.from_dict({**ANSWER.to_dict(), "id": "cmp_2", "status": "failed", "choices": []})
    with pytest.raises(ToolLoopError, match=r"cmp_2 has no choices.*its status is failed: retrieve it") as caught:
        run(asked, empty, tools=[double])
    assert (caught.value.completions, caught.value.completion_id) == ([asked, empty], "cmp_2")
    # They can be sent again as they are.
    assert [message["role"] for message in encode(caught.value.messages)] == ["user", "assistant", "tool"]


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
def test_forced_tool_choice_applies_to_the_first_round_only(run: Run, choice: Any, later: Any) -> None:
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


@both
def test_caller_s_messages_are_not_changed(run: Run) -> None:
    before = [*QUESTION]
    run(completion(call("double", '{"number": 4}')), ANSWER, tools=[double])
    assert before == QUESTION


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_tool_loop_against_the_mock(aurous_mock: AurousMock, kind: str) -> None:
    first: list[str] = []

    @tool
    def measure(city: str, unit: Literal["celsius", "kelvin"] = "celsius") -> str:
        """How warm a city is."""
        first.append(city)
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
    assert len(first) == len(ran.completions) - 1 == 1
    assert len(aurous_mock.ledger()) == 2
