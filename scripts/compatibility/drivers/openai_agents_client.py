"""The Agents SDK of OpenAI, by chat completions."""

import asyncio

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
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
    require_stream,
    require_text,
)
from openai import AsyncOpenAI
from person import Person

set_tracing_disabled(True)


def agent(model=MODEL, **options):
    client = AsyncOpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)
    return Agent(name="test", model=OpenAIChatCompletionsModel(model, client), **options)


def run(text, **options):
    return asyncio.run(Runner.run(agent(**options), text)).final_output


def call():
    require_text(run(QUESTION))


def stream():
    async def read():
        result = Runner.run_streamed(agent(), QUESTION)
        return [
            event.data.delta
            async for event in result.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]

    require_stream(asyncio.run(read()))


def tools():
    calls = Calls()

    @function_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    require_text(run(WEATHER_QUESTION, tools=[get_weather]))
    calls.require()


def structured():
    require_person(run(PERSON_QUESTION, output_type=Person))


def errors():
    require_error(lambda: run(QUESTION, model=UNKNOWN_MODEL))


main(globals())
