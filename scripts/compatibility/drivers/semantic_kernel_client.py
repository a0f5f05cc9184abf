"""Semantic Kernel."""

import asyncio
import json

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
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from semantic_kernel.functions import kernel_function


def service(model=MODEL):
    client = AsyncOpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)
    return OpenAIChatCompletion(ai_model_id=model, async_client=client)


def history(text):
    made = ChatHistory()
    made.add_user_message(text)
    return made


def ask(text, model=MODEL, kernel=None, **options):
    settings = OpenAIChatPromptExecutionSettings(**options)
    chat = service(model)
    return asyncio.run(chat.get_chat_message_content(history(text), settings, kernel=kernel)).content


def call():
    require_text(ask(QUESTION))


def stream():
    async def read():
        settings = OpenAIChatPromptExecutionSettings()
        chunks = service().get_streaming_chat_message_content(history(QUESTION), settings)
        return [chunk.content or "" async for chunk in chunks if chunk]

    require_stream(asyncio.run(read()))


def tools():
    calls = Calls()

    class Weather:
        @kernel_function(description="The weather of a city.")
        def get_weather(self, city: str) -> str:
            calls.append(city)
            return "4 degrees"

    kernel = Kernel()
    kernel.add_plugin(Weather(), "weather")
    require_text(ask(WEATHER_QUESTION, kernel=kernel, function_choice_behavior=FunctionChoiceBehavior.Auto()))
    calls.require()


def structured():
    require_person(json.loads(ask(PERSON_QUESTION, response_format=Person)))


def errors():
    require_error(lambda: ask(QUESTION, UNKNOWN_MODEL))


main(globals())
