"""OpenAI's own Python SDK, unmodified: only `base_url` and `api_key` are changed."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from aurous_mock.server.launcher import Mock
from mockkit import VERSION
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from testkit.conditions import eventually

MODEL = "aurous-grow-2.0-pro"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The current weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
QUESTION: Any = [{"role": "user", "content": "What is the weather in Oslo?"}]


class Step(BaseModel):
    explanation: str
    output: str


class Reasoning(BaseModel):
    steps: list[Step]
    final_answer: str
    certain: bool
    parent: "Reasoning | None"


@pytest.fixture
def sdk(mock: Mock) -> Iterator[OpenAI]:
    versioned = {"Aurous-Version": VERSION}
    with OpenAI(base_url=mock.url + "/v1", api_key=mock.api_key, max_retries=0, default_headers=versioned) as sdk:
        yield sdk


def test_openai_create_works(sdk: OpenAI) -> None:
    completion = sdk.chat.completions.create(model=MODEL, messages=QUESTION)
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.total_tokens > completion.usage.prompt_tokens
    assert completion.id.startswith("cmp_")


def test_openai_stream_works(sdk: OpenAI) -> None:
    text, usage = "", None
    for chunk in sdk.chat.completions.create(model=MODEL, messages=QUESTION, stream=True):
        text += chunk.choices[0].delta.content or ""
        usage = chunk.usage or usage
    assert text == sdk.chat.completions.create(model=MODEL, messages=QUESTION).choices[0].message.content
    assert usage is not None


def test_openai_stream_helper_works(sdk: OpenAI) -> None:
    with sdk.chat.completions.stream(model=MODEL, messages=QUESTION) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert final.choices[0].message.content == text
    assert final.choices[0].finish_reason == "stop"


def test_openai_stream_helper_assembles_tool_calls(sdk: OpenAI) -> None:
    with sdk.chat.completions.stream(model=MODEL, messages=QUESTION, tools=[WEATHER]) as stream:
        final = stream.get_final_completion()
    calls = final.choices[0].message.tool_calls
    assert calls is not None
    assert set(json.loads(calls[0].function.arguments)) == {"city", "unit"}


def test_openai_tool_results_are_accepted(sdk: OpenAI) -> None:
    asked = sdk.chat.completions.create(model=MODEL, messages=QUESTION, tools=[WEATHER])
    assert asked.choices[0].finish_reason == "tool_calls"
    message: Any = asked.choices[0].message
    call = message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments)["unit"] in ("celsius", "fahrenheit")
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 4}'}
    told = sdk.chat.completions.create(model=MODEL, messages=[*QUESTION, message, result], tools=[WEATHER])
    assert told.choices[0].message.content
    assert not told.choices[0].message.tool_calls


def test_openai_tool_choice_is_respected(sdk: OpenAI) -> None:
    forced: Any = {"type": "function", "function": {"name": "get_weather"}}
    completion = sdk.chat.completions.create(model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice=forced)
    assert completion.choices[0].message.tool_calls
    completion = sdk.chat.completions.create(model=MODEL, messages=QUESTION, tools=[WEATHER], tool_choice="none")
    assert not completion.choices[0].message.tool_calls
    assert completion.choices[0].message.content


def test_openai_parse_gives_a_typed_answer(sdk: OpenAI) -> None:
    completion = sdk.chat.completions.parse(model=MODEL, messages=QUESTION, response_format=Reasoning)
    parsed = completion.choices[0].message.parsed
    assert isinstance(parsed, Reasoning)
    assert parsed.steps
    assert parsed.final_answer


def test_openai_json_object_is_valid_json(sdk: OpenAI) -> None:
    wanted: Any = {"type": "json_object"}
    completion = sdk.chat.completions.create(model=MODEL, messages=QUESTION, response_format=wanted)
    assert isinstance(json.loads(completion.choices[0].message.content or ""), dict)


def test_openai_logprobs_are_typed(sdk: OpenAI) -> None:
    completion = sdk.chat.completions.create(model=MODEL, messages=QUESTION, logprobs=True, top_logprobs=3)
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(token.token for token in logprobs.content) == completion.choices[0].message.content
    assert all(len(token.top_logprobs) == 3 for token in logprobs.content)


def test_openai_stop_seed_and_max_tokens_are_respected(sdk: OpenAI) -> None:
    def ask(**fields: Any) -> Any:
        return sdk.chat.completions.create(model=MODEL, messages=QUESTION, **fields).choices[0]

    whole = ask(seed=5).message.content or ""
    assert ask(seed=5).message.content == whole
    assert ask(seed=6).message.content != whole
    assert ask(seed=5, stop=[whole[30:36]]).message.content == whole[: whole.index(whole[30:36])]
    assert ask(seed=5, max_tokens=3).finish_reason == "length"


def test_openai_images_and_extra_parameters_are_accepted(sdk: OpenAI) -> None:
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
    ]
    completion = sdk.chat.completions.create(
        model=MODEL,
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}],
        user="someone",
        n=1,
        parallel_tool_calls=False,
        extra_body={"vision_quality": "xhigh"},
        extra_headers={"Aurous-Version": "2026-05-15"},
    )
    assert completion.usage is not None
    assert completion.usage.prompt_tokens > 512


def test_openai_models_can_be_listed_and_retrieved(sdk: OpenAI) -> None:
    assert MODEL in [model.id for model in sdk.models.list()]
    completion = sdk.chat.completions.create(model=MODEL, messages=QUESTION)
    assert sdk.chat.completions.retrieve(completion.id) == completion


@pytest.mark.parametrize(
    ("fields", "fault", "expected"),
    [
        ({"max_tokens": 9000}, None, openai.BadRequestError),
        ({"model": "no-such-model"}, None, openai.NotFoundError),
        ({}, "status=429; retry-after=1", openai.RateLimitError),
        ({}, "code=idempotency_key_in_use", openai.ConflictError),
        ({}, "code=missing_scope", openai.PermissionDeniedError),
        ({}, "code=chat_provider_unavailable", openai.InternalServerError),
        ({}, "reset=after", openai.APIConnectionError),
    ],
)
def test_openai_raises_its_typed_errors(
    sdk: OpenAI, fields: dict[str, Any], fault: str | None, expected: type[Exception]
) -> None:
    headers = {"Aurous-Mock-Fault": fault} if fault else None
    asked: dict[str, Any] = {"model": MODEL, "messages": QUESTION, **fields}
    with pytest.raises(expected) as raised:
        sdk.chat.completions.create(**asked, extra_headers=headers)
    error = raised.value
    if isinstance(error, openai.APIStatusError):
        assert isinstance(error.body, dict)
        assert error.body["code"]
        assert error.body["request_id"] == error.response.headers["aurous-request-id"]


def test_openai_wrong_key_raises_authentication_error(mock: Mock) -> None:
    with OpenAI(base_url=mock.url + "/v1", api_key="wrong") as sdk, pytest.raises(openai.AuthenticationError):
        sdk.models.list()


def test_openai_retries_succeed(mock: Mock) -> None:
    headers = {"Aurous-Mock-Fault": "status=503; retry-after=0.01; times=2"}
    with OpenAI(base_url=mock.url + "/v1", api_key=mock.api_key, max_retries=2) as sdk:
        assert sdk.chat.completions.create(model=MODEL, messages=QUESTION, extra_headers=headers).id


def test_openai_error_within_a_stream_raises(sdk: OpenAI) -> None:
    stream = sdk.chat.completions.create(
        model=MODEL, messages=QUESTION, stream=True, extra_headers={"Aurous-Mock-Fault": "error-frame=3"}
    )
    with pytest.raises(openai.APIError):
        list(stream)


def test_openai_closing_a_stream_cancels_it(sdk: OpenAI) -> None:
    slow = {"Aurous-Mock-Fault": "pace=50"}
    stream = sdk.chat.completions.create(model=MODEL, messages=QUESTION, stream=True, extra_headers=slow)
    completion_id = next(iter(stream)).id
    stream.close()

    def is_cancelled() -> bool:
        record = sdk.chat.completions.retrieve(completion_id)
        return record.model_extra is not None and record.model_extra["status"] == "cancelled"

    assert eventually(is_cancelled, seconds=5)


@pytest.mark.slow
def test_many_concurrent_openai_calls_succeed(mock: Mock) -> None:
    async def go() -> None:
        async with AsyncOpenAI(base_url=mock.url + "/v1", api_key=mock.api_key, max_retries=0) as sdk:

            async def ask(number: int) -> str:
                messages: Any = [{"role": "user", "content": f"Question {number}"}]
                if number % 2:
                    completion = await sdk.chat.completions.create(model=MODEL, messages=messages)
                    return completion.id
                async with sdk.chat.completions.stream(model=MODEL, messages=messages) as stream:
                    return (await stream.get_final_completion()).id

            ids = await asyncio.gather(*(ask(number) for number in range(40)))
            assert len(set(ids)) == 40

    asyncio.run(go())
    assert len(mock.ledger()) == 40
