"""Haystack's OpenAIChatGenerator."""

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
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import create_tool_from_function
from haystack.utils import Secret
from person import Person


def ask(text, model=MODEL, **options):
    key = Secret.from_token(KEY)
    generator = OpenAIChatGenerator(api_key=key, model=model, api_base_url=BASE_URL, max_retries=0, **options)
    return generator.run([ChatMessage.from_user(text)])["replies"][0]


def call():
    require_text(ask(QUESTION).text)


def stream():
    pieces = []
    ask(QUESTION, streaming_callback=lambda chunk: pieces.append(chunk.content or ""))
    require_stream(pieces)


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        return "4 degrees"

    for asked in ask(WEATHER_QUESTION, tools=[create_tool_from_function(get_weather)]).tool_calls:
        calls.append(asked.arguments["city"])
    calls.require()


def structured():
    require_person(json.loads(ask(PERSON_QUESTION, generation_kwargs={"response_format": Person}).text))


def errors():
    require_error(lambda: ask(QUESTION, UNKNOWN_MODEL))


main(globals())
