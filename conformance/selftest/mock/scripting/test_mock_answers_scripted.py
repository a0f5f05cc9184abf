"""Scripted answers: by admin route, header and function, in order, for matching requests; and cassettes."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from aurous_mock.errors import SettingsError
from aurous_mock.generation.engine import Pace
from aurous_mock.server import cli
from aurous_mock.server.launcher import Mock, running
from mockkit import CREATE, WEATHER, chat, connect, content_of, error_of, failing, frames, post_all, schema
from testkit.mock_process import MockProcess


def ask(client: httpx.Client, text: str = "Hello.", **options: Any) -> dict[str, Any]:
    response = client.post(CREATE, json=chat(text, **options))
    assert response.status_code == 200, response.text
    choice: dict[str, Any] = response.json()["choices"][0]
    return choice


def say(client: httpx.Client, text: str = "Hello.", **options: Any) -> str:
    return str(ask(client, text, **options)["message"]["content"])


def test_scripted_answer_is_given_to_every_request_until_the_reset(client: httpx.Client, mock: Mock) -> None:
    fake = say(client)
    mock.answer("spam")
    assert [say(client), say(client, "Another."), say(client)] == ["spam"] * 3
    mock.reset()
    assert say(client) == fake


def test_scripted_answer_is_streamed_stored_and_charged_as_any_other(client: httpx.Client, mock: Mock) -> None:
    mock.answer("Spam, spam, eggs and spam.")
    chunks = frames(client.post(CREATE, json=chat(stream=True)).text)
    assert content_of(chunks) == "Spam, spam, eggs and spam."
    assert len(chunks) > 5
    record = client.get(f"{CREATE}/{chunks[0]['id']}").json()
    assert schema("ChatCompletion").is_valid(record)
    assert record["choices"][0]["message"]["content"] == "Spam, spam, eggs and spam."
    assert [charge["credits_charged"] for charge in mock.ledger()] == [record["usage"]["credits_charged"]]


def test_sequence_is_given_in_order_once_and_then_the_fake_model_answers(client: httpx.Client, mock: Mock) -> None:
    fake = say(client)
    mock.answers("one", "two")
    mock.answer("three", times=2)
    assert [say(client) for _ in range(5)] == ["one", "two", "three", "three", fake]


def test_answers_with_a_limit_come_before_others_of_which_the_newest_counts(client: httpx.Client, mock: Mock) -> None:
    mock.answer("default")
    mock.answers("first")
    mock.answer("newer default")
    assert [say(client) for _ in range(3)] == ["first", "newer default", "newer default"]


def test_tool_calls_are_scripted_in_every_form(client: httpx.Client, mock: Mock) -> None:
    call = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    wire = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'}}
    mock.answers(call, [call, wire], {"content": "One moment.", "tool_calls": [wire]})
    answers = [ask(client, tools=[WEATHER]) for _ in range(3)]
    cities = [
        [json.loads(made["function"]["arguments"])["city"] for made in answer["message"]["tool_calls"]]
        for answer in answers
    ]
    assert cities == [["Oslo"], ["Oslo", "Rome"], ["Rome"]]
    assert {answer["finish_reason"] for answer in answers} == {"tool_calls"}
    assert [answer["message"]["content"] for answer in answers] == [None, None, "One moment."]
    ids = [made["id"] for made in answers[1]["message"]["tool_calls"]]
    assert ids[0].startswith("call_")
    assert ids[1] == "call_1"


def test_tool_calls_are_streamed(client: httpx.Client, mock: Mock) -> None:
    mock.answer({"name": "get_weather", "arguments": {"city": "Oslo"}})
    chunks = frames(client.post(CREATE, json=chat(stream=True, tools=[WEATHER])).text)
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert calls[0]["function"]["name"] == "get_weather"
    assert json.loads("".join(call["function"].get("arguments", "") for call in calls)) == {"city": "Oslo"}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_json_and_finish_reason_are_scripted(client: httpx.Client, mock: Mock) -> None:
    mock.answers({"json": {"name": "Ada", "age": 36}}, {"content": "I had to", "finish_reason": "content_filter"})
    assert json.loads(say(client)) == {"name": "Ada", "age": 36}
    assert ask(client)["finish_reason"] == "content_filter"


def test_max_tokens_and_stop_cut_a_scripted_answer(client: httpx.Client, mock: Mock) -> None:
    mock.answer("one two three four END five")
    cut = ask(client, max_tokens=2)
    assert (cut["message"]["content"], cut["finish_reason"]) == ("one two", "length")
    assert say(client, stop=" END") == "one two three four"
    mock.answer([{"name": "f", "arguments": {"a": "b c d e f g h"}}, {"name": "g", "arguments": {"a": 1}}])
    limited = ask(client, max_tokens=3)
    assert limited["finish_reason"] == "length"
    assert client.post(CREATE, json=chat(max_tokens=3)).json()["usage"]["completion_tokens"] == 3


CONDITIONS: list[tuple[Any, bool]] = [
    ("Oslo", True),
    ("Rome", False),
    ({"pattern": "(?i)oslo|rome"}, True),
    (re.compile("WEATHER", re.IGNORECASE), True),
    (re.compile("WEATHER"), False),
    ({"role": "user"}, True),
    ({"role": "tool"}, False),
    ({"content": "The weather in Oslo?"}, True),
    ({"content": "The weather"}, False),
    ([{"role": "assistant", "content": "Hi."}, "Oslo"], True),
    ([{"role": "user"}, "Oslo"], False),
    ([{}], None),
    (["a"] * 9, False),
    (lambda request: request["messages"][-1]["role"] == "user", True),
    (lambda request: len(request["messages"]) > 9, False),
]


@pytest.mark.parametrize(("when", "met"), CONDITIONS, ids=lambda value: str(value)[:40].split(" at 0x")[0])
def test_condition_is_on_the_last_messages(client: httpx.Client, mock: Mock, when: Any, met: bool | None) -> None:
    if met is None:
        with pytest.raises(ValueError, match="condition"):
            mock.answer("matched", when=when)
        return
    mock.answer("default")
    mock.answer("matched", when=when)
    parts = [{"type": "text", "text": "The weather in Oslo?"}]
    messages = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Hi."}]
    answers = {
        say(client, messages=[*messages, {"role": "user", "content": text}]) for text in (parts[0]["text"], parts)
    }
    assert answers == {"matched" if met else "default"}


def test_model_is_a_condition(client: httpx.Client, mock: Mock) -> None:
    mock.answer("from the other", model="aurous-mock-full")
    assert say(client, model="aurous-mock-full") == "from the other"
    assert say(client) != "from the other"


def test_function_of_the_request_answers_in_its_own_process(client: httpx.Client, mock: Mock) -> None:
    mock.answer(lambda request: {"json": {"asked": request["messages"][-1]["content"], "seed": request.get("seed")}})
    assert json.loads(say(client, "Why?", seed=None)) == {"asked": "Why?", "seed": None}


@pytest.mark.parametrize(("returned", "reason"), [(7, "returned no answer"), (None, "returned no answer")])
def test_function_that_returns_no_answer_is_a_400_that_says_so(
    client: httpx.Client, mock: Mock, returned: Any, reason: str
) -> None:
    mock.answer(lambda request: returned)
    error = error_of(client.post(CREATE, json=chat()))
    assert reason in error["message"]
    assert mock.ledger() == []


def test_error_of_a_function_is_a_400_with_its_message(client: httpx.Client, mock: Mock) -> None:
    def fail(request: dict[str, Any]) -> str:
        raise AssertionError("no system message")

    mock.answer(fail)
    response = client.post(CREATE, json=chat())
    assert response.status_code == 400
    assert "AssertionError: no system message" in error_of(response)["message"]


def test_function_whose_iterator_is_at_its_end_is_a_400_that_says_so(client: httpx.Client, mock: Mock) -> None:
    texts = iter(["one"])
    mock.answer(lambda request: next(texts))
    assert say(client) == "one"
    response = client.post(CREATE, json=chat())
    assert response.status_code == 400
    assert "The function given as answer raised StopIteration" in error_of(response)["message"]


def test_faults_apply_before_scripted_answers_which_are_kept(client: httpx.Client, mock: Mock) -> None:
    mock.answers("kept")
    mock.fault("code=internal_error")
    assert client.post(CREATE, json=chat()).status_code == 500
    assert say(client) == "kept"


def test_replayed_completion_uses_up_no_scripted_answer(client: httpx.Client, mock: Mock) -> None:
    mock.answers("one", "two")
    replies = [client.post(CREATE, json=chat(), headers={"Idempotency-Key": key}) for key in ("a", "a", "b")]
    assert [reply.json()["choices"][0]["message"]["content"] for reply in replies] == ["one", "one", "two"]


def test_unused_answers_are_listed(client: httpx.Client, mock: Mock) -> None:
    mock.answer("always", when="Hello")
    mock.answer("never", when="no such text")
    mock.answers("one", "two", "three", when="Count")
    say(client)
    say(client, "Count.")
    assert [script["answers"] for script in mock.unused_answers()] == [["never"], ["one", "two", "three"]]
    say(client, "Count.")
    say(client, "Count.")
    assert [script["answers"] for script in mock.unused_answers()] == [["never"]]


@pytest.mark.parametrize(
    ("header", "content"),
    [
        ("Spam, and spam.", "Spam, and spam."),
        ('"\\u00e9"', "é"),
        ('{"json": [1]}', "[1]"),
        ("é", "é"),
        ('"é"', "é"),
    ],
)
def test_header_scripts_the_answer_of_its_own_request(
    client: httpx.Client, mock: Mock, header: str, content: str
) -> None:
    mock.answer("scripted")
    reply = client.post(CREATE, json=chat(), headers={b"Aurous-Mock-Answer": header.encode()})
    assert reply.json()["choices"][0]["message"]["content"] == content
    assert say(client) == "scripted"


@pytest.mark.parametrize(
    "header", ['{"content": 7}', '{"contents": "x"}', "{not json", "{}", "[]", '{"json": 1, "content": "x"}']
)
def test_header_that_is_no_answer_is_refused(client: httpx.Client, header: str) -> None:
    response = client.post(CREATE, json=chat(), headers={"Aurous-Mock-Answer": header})
    assert response.status_code == 400
    assert error_of(response)["param"] == "Aurous-Mock-Answer"


WRONG: list[Any] = [
    {}, [], {"answer": 7}, {"answers": []}, {"answers": "x"}, {"answer": "x", "answers": ["y"]},
    {"answer": "x", "time": 2}, {"answer": "x", "times": 0}, {"answer": "x", "times": True},
    {"answer": "x", "model": 7}, {"answer": "x", "when": 7}, {"answer": "x", "when": {"rolle": "user"}},
    {"answer": "x", "when": {"pattern": "("}}, {"function": "function 1000000"}, {"answer": {"tool_calls": "f"}},
    {"answer": {"tool_calls": [{"arguments": {}}]}}, {"answer": {"name": "f", "args": {}}},
    {"answer": {"content": "x", "finish_reason": "stopped"}}, {"answer": None},
    {"function": {}},
    {"answer": "x", "condition": ["f"]},
    {"answer": {"name": "f", "id": 5}},
    {"answer": {"content": "x", "reasoning_tokens": -1}}, {"answer": {"content": "x", "reasoning_tokens": 1.5}},
]  # fmt: skip


@pytest.mark.parametrize("script", WRONG, ids=str)
def test_script_that_is_wrong_is_refused_with_the_reason(client: httpx.Client, mock: Mock, script: Any) -> None:
    response = client.post("/_mock/answers", json=script)
    assert response.status_code == 400
    assert error_of_admin(response)["code"] == "invalid_format"
    assert mock.unused_answers() == []


def error_of_admin(response: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = response.json()["error"]
    return error


def test_admin_route_scripts_answers_for_programs_in_any_language(client: httpx.Client) -> None:
    added = client.post("/_mock/answers", json={"answers": ["one", {"name": "f"}], "when": "Hello"})
    assert added.json()["times"] == 2
    assert client.get("/_mock/answers").json()["answers"][0]["given"] == 0
    assert say(client) == "one"
    assert ask(client)["message"]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert client.get("/_mock/answers").json() == {"answers": []}


def test_each_answer_of_a_sequence_is_given_once_to_requests_at_the_same_time(mock: Mock) -> None:
    texts = [f"answer {number}" for number in range(40)]
    mock.answers(*texts)
    replies = asyncio.run(post_all(mock.url, mock.api_key, [chat(f"{n}") for n in range(40)], {}))
    assert sorted(reply.json()["choices"][0]["message"]["content"] for reply in replies) == sorted(texts)


def test_two_servers_in_one_process_do_not_share_answers(client: httpx.Client, mock: Mock) -> None:
    with running() as other, connect(other) as beside:
        mock.answer(lambda request: "mine")
        other.answer(lambda request: "other")
        assert (say(client), say(beside)) == ("mine", "other")
        other.reset()
        assert say(client) == "mine"


def test_scripts_are_shared_by_servers_on_one_database(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    with running(state=state) as one, running(state=state) as two, connect(one) as first, connect(two) as second:
        one.answers("one", "two")
        assert [say(first), say(second)] == ["one", "two"]
        assert two.unused_answers() == []
        one.answer("never", when="no such text")
        assert len(two.unused_answers()) == 1


def test_misspelt_fault_code_is_refused_and_the_right_one_named(client: httpx.Client, mock: Mock) -> None:
    for send in (
        lambda fault: client.post(CREATE, json=chat(), headers={"Aurous-Mock-Fault": fault}),
        lambda fault: client.post("/_mock/faults", json={"fault": fault}),
    ):
        response = send("code=chat_provider_unavailble")
        assert response.status_code == 400
        assert "did you mean chat_provider_unavailable?" in response.json()["error"]["message"]
    reply = client.post(CREATE, json=chat(), headers={"Aurous-Mock-Fault": "code=of_my_own; status=418"})
    assert (reply.status_code, error_of(reply)["code"]) == (418, "of_my_own")


def test_help_of_the_command_lists_the_forms_of_answers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert "Aurous-Mock-Answer" in text
    assert "POST /_mock/answers" in text


# ---------------------------------------------------------------- cassettes


def recorded(tmp_path: Path, *bodies: dict[str, Any]) -> Path:
    """A cassette of what one mock answers, recorded through another in front of it."""
    cassette = tmp_path / "cassette.json"
    with (
        running() as real,
        running(upstream=f"{real.url}/v1", upstream_key=real.api_key, record=cassette) as recorder,
        connect(recorder) as client,
    ):
        for body in bodies:
            response = client.post(CREATE, json=body)
            assert response.status_code == 200, response.text
    return cassette


def test_recorded_answers_are_given_again_without_the_server(client: httpx.Client, mock: Mock, tmp_path: Path) -> None:
    question = chat("The weather in Oslo?", tools=[WEATHER])
    cassette = recorded(tmp_path, chat("Name three colours."), question, chat("A stream.", stream=True))
    recorded_exchanges = json.loads(cassette.read_text())["exchanges"]
    assert len(recorded_exchanges) == 3
    mock.replay(cassette)
    assert say(client, "Name three colours.") == recorded_exchanges[0]["answers"][0]["content"]
    (call,) = ask(client, "The weather in Oslo?", tools=[WEATHER])["message"]["tool_calls"]
    assert call["id"] == recorded_exchanges[1]["answers"][0]["tool_calls"][0]["id"]
    assert say(client, "A stream.") == recorded_exchanges[2]["answers"][0]["content"]
    assert content_of(frames(client.post(CREATE, json=chat("Name three colours.", stream=True)).text))


@pytest.mark.parametrize("streamed", [False, True], ids=["call", "stream"])
def test_recorded_reasoning_is_charged_again(client: httpx.Client, mock: Mock, tmp_path: Path, streamed: bool) -> None:
    body = chat("Name three colours.", reasoning_effort="high", stream=streamed)
    cassette = recorded(tmp_path, body)
    ((answer,),) = [exchange["answers"] for exchange in json.loads(cassette.read_text())["exchanges"]]
    assert answer["reasoning_tokens"] > 0
    mock.replay(cassette)
    usage = client.post(CREATE, json={**body, "stream": False}).json()["usage"]
    assert usage["reasoning_tokens"] == answer["reasoning_tokens"]


def test_scripted_reasoning_is_at_most_what_credits_are_held_for(client: httpx.Client, mock: Mock) -> None:
    mock.answer({"content": "one two", "reasoning_tokens": 1_000_000})
    usage = client.post(CREATE, json=chat(max_tokens=5, reasoning_effort="low")).json()["usage"]
    assert (usage["completion_tokens"], usage["reasoning_tokens"]) == (2, 32 + 3)


def test_request_that_a_cassette_does_not_have_is_refused(client: httpx.Client, mock: Mock, tmp_path: Path) -> None:
    mock.replay(recorded(tmp_path, chat("Name three colours.")))
    error = error_of(client.post(CREATE, json=chat("Name four colours.")))
    assert "has no answer to this request: record it again" in error["message"]


def test_cassettes_hold_no_keys(tmp_path: Path) -> None:
    secret = "sk-" + "a1B2" * 8
    cassette = recorded(tmp_path, chat(f"My key is {secret}; Authorization: Bearer {'t0ken' * 5}"))
    text = cassette.read_text()
    assert "al_live_" not in text
    assert secret not in text
    assert "t0ken" not in text
    assert text.count("[key]") >= 2
    with running(replay=(cassette,)) as mock, connect(mock) as client:
        assert say(client, f"My key is {secret}; Authorization: Bearer {'t0ken' * 5}")


def test_replay_keeps_the_pace_of_the_settings(tmp_path: Path) -> None:
    cassette = recorded(tmp_path, chat("Name three colours."))
    with running(replay=(cassette,), pace=Pace(first_token=0.2)) as mock, connect(mock) as client:
        for streamed in (False, True):
            reply = client.post(CREATE, json=chat("Name three colours.", stream=streamed))
            assert reply.elapsed.total_seconds() >= 0.2


def test_word_that_is_also_a_key_is_recorded_as_it_is(client: httpx.Client, mock: Mock, tmp_path: Path) -> None:
    cassette = tmp_path / "cassette.json"
    keys = {mock.api_key: "team_default", "test": "team_default"}
    options = {"upstream": f"{mock.url}/v1", "upstream_key": mock.api_key, "record": cassette, "keys": keys}
    with running(**options) as recorder, connect(recorder) as recording:
        answer = say(recording, "This is a test.")
    assert "[key]" not in cassette.read_text()
    mock.replay(cassette)
    assert say(client, "This is a test.") == answer


def test_command_replays_a_cassette_also_after_a_reset(tmp_path: Path) -> None:
    cassette = recorded(tmp_path, chat("Name three colours."))
    with MockProcess("--replay", str(cassette)) as process, httpx.Client(base_url=process.url, verify=False) as client:
        client.headers["X-Api-Key"] = "al_live_" + "0" * 64
        assert client.post("/_mock/reset").status_code == 200
        assert say(client, "Name three colours.")
        assert client.post(CREATE, json=chat("Else.")).status_code == 400


@pytest.mark.parametrize("content", ['{"exchanges": [{"request": {}, "answers": [7]}]}', "", "{}", "[1]"])
def test_file_that_is_no_cassette_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    file = tmp_path / "no-cassette.json"
    file.write_text(content)
    assert "is not a cassette" in failing(capsys, "--replay", str(file))


@pytest.mark.parametrize("place", ["no-folder/answers.json", "."])
def test_file_that_cannot_be_recorded_in_is_refused_at_the_start(mock: Mock, tmp_path: Path, place: str) -> None:
    settings = {"upstream": f"{mock.url}/v1", "upstream_key": mock.api_key, "record": tmp_path / place}
    with pytest.raises(SettingsError, match="cannot record in"), running(**settings):
        pass


def test_answer_whose_record_cannot_be_written_is_given_and_recorded_later(mock: Mock, tmp_path: Path) -> None:
    cassette = tmp_path / "answers.json"
    in_the_way = tmp_path / "answers.json.part"
    with (
        running(upstream=f"{mock.url}/v1", upstream_key=mock.api_key, record=cassette) as recorder,
        connect(recorder) as client,
    ):
        in_the_way.mkdir()
        assert say(client, "Name three colours.")
        in_the_way.rmdir()
        assert say(client, "Name a fourth.")
    assert len(json.loads(cassette.read_text())["exchanges"]) == 2


@pytest.mark.parametrize("flags", [("--record", "x"), ("--replay", "x", "--upstream", "http://127.0.0.1:9/v1")])
def test_record_without_upstream_and_replay_with_one_are_refused(
    capsys: pytest.CaptureFixture[str], flags: tuple[str, ...]
) -> None:
    assert "--upstream" in failing(capsys, *flags)
