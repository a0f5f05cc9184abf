"""Tool calls that fail: what the model, `on_error` and the caller learn of them."""

from __future__ import annotations

import concurrent.futures
import json

import pytest
from aurous.tools.loop import (
    ToolArgumentsError,
    ToolResultError,
    UnknownToolError,
)
from aurous_client.models import ToolCall
from clientkit.tool_loops import ANSWER, Run, both, call, completion, double, fail


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
@pytest.mark.parametrize("raised", [StopIteration, concurrent.futures.CancelledError])
def test_error_that_means_something_to_coroutines_is_one_of_the_tool(run: Run, raised: type[Exception]) -> None:
    def stop(number: int) -> int:
        raise raised

    calls = [call("stop", '{"number": 4}', "a"), call("double", '{"number": 4}', "b")]
    ended, client = run(completion(*calls), ANSWER, tools=[stop, double])
    failed, doubled = map(json.loads, client.tool_results)
    assert (ended.text, failed["error"]["type"], doubled) == ("It is warm.", "tool_failed", 8)
    assert raised.__name__ in failed["error"]["message"]


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
