"""AutoGen, by its client for OpenAI."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
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
from person import Person


def client(model=MODEL):
    abilities = {"vision": True, "function_calling": True, "json_output": True, "structured_output": True}
    info = {**abilities, "family": "unknown", "multiple_system_messages": True}
    return OpenAIChatCompletionClient(model=model, base_url=BASE_URL, api_key=KEY, model_info=info, max_retries=0)


def ask(text, model=MODEL, **options):
    return asyncio.run(client(model).create([UserMessage(content=text, source="user")], **options)).content


def call():
    require_text(ask(QUESTION))


def stream():
    async def read():
        messages = [UserMessage(content=QUESTION, source="user")]
        return [piece async for piece in client().create_stream(messages) if isinstance(piece, str)]

    require_stream(asyncio.run(read()))


def tools():
    calls = Calls()

    async def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    agent = AssistantAgent("test", client(), tools=[get_weather], reflect_on_tool_use=True)
    require_text(asyncio.run(agent.run(task=WEATHER_QUESTION)).messages[-1].content)
    calls.require()


def structured():
    require_person(Person.model_validate_json(ask(PERSON_QUESTION, json_output=Person)))


def errors():
    require_error(lambda: ask(QUESTION, UNKNOWN_MODEL))


main(globals())
