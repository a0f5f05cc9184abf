"""Inspect, by its provider for OpenAI-compatible servers."""

import asyncio
import json
import os

from driver_kit import (
    BASE_URL,
    KEY,
    MODEL,
    PERSON_QUESTION,
    QUESTION,
    UNKNOWN_MODEL,
    WEATHER_QUESTION,
    Calls,
    main,
    require_error,
    require_person,
    require_text,
)
from inspect_ai.model import ChatMessageUser, GenerateConfig, ResponseSchema, execute_tools, get_model
from inspect_ai.tool import tool
from inspect_ai.util import json_schema
from person import Person

os.environ.update(MOCK_BASE_URL=BASE_URL, MOCK_API_KEY=KEY)


def generate(text, name=MODEL, config=None, **options):
    model = get_model(f"openai-api/mock/{name}", config=config or GenerateConfig(max_retries=0, max_tokens=200))
    return asyncio.run(model.generate([ChatMessageUser(content=text)], **options))


def call():
    require_text(generate(QUESTION).completion)


def stream():
    # A stream is read to its end by the provider.
    model = get_model(f"openai-api/mock/{MODEL}", stream=True, memoize=False)
    require_text(asyncio.run(model.generate(QUESTION)).completion)


def tools():
    calls = Calls()

    @tool
    def get_weather():
        async def execute(city: str) -> str:
            """The weather of a city.

            Args:
                city: The city.
            """
            calls.append(city)
            return "4 degrees"

        return execute

    async def loop():
        model, messages = get_model(f"openai-api/mock/{MODEL}"), [ChatMessageUser(content=WEATHER_QUESTION)]
        answer = await model.generate(messages, tools=[get_weather()])
        messages.append(answer.message)
        await execute_tools(messages, [get_weather()])

    asyncio.run(loop())
    calls.require()


def structured():
    schema = ResponseSchema(name="person", json_schema=json_schema(Person))
    answer = generate(PERSON_QUESTION, config=GenerateConfig(response_schema=schema))
    require_person(json.loads(answer.completion))


def errors():
    require_error(lambda: generate(QUESTION, UNKNOWN_MODEL))


main(globals())
