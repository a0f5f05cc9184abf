"""Pydantic AI."""

import asyncio

from driver_kit import (
    BASE_URL,
    FULL_MODEL,
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
    require_stream,
    require_text,
)
from person import Person
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider


def agent(model=MODEL, **options):
    provider = OpenAIProvider(base_url=BASE_URL, api_key=KEY)
    return Agent(OpenAIChatModel(model, provider=provider), model_settings={"max_tokens": 200}, **options)


def call():
    require_text(agent().run_sync(QUESTION).output)


def stream():
    async def read():
        async with agent().run_stream(QUESTION) as result:
            return [text async for text in result.stream_text(delta=True, debounce_by=None)]

    require_stream(asyncio.run(read()))


def tools():
    calls, assistant = Calls(), agent()

    @assistant.tool_plain
    def get_weather(city: str) -> str:
        calls.append(city)
        return "4 degrees"

    require_text(assistant.run_sync(WEATHER_QUESTION).output)
    calls.require()


def structured():
    # An output that is a tool is asked for with tool_choice: required.
    require_person(agent(FULL_MODEL, output_type=Person).run_sync(PERSON_QUESTION).output)
    require_person(agent(output_type=NativeOutput(Person)).run_sync(PERSON_QUESTION).output)


def errors():
    require_error(lambda: agent(UNKNOWN_MODEL).run_sync(QUESTION))


main(globals())
