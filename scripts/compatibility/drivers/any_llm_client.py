"""any-llm, by its provider for OpenAI."""

import json

from any_llm import completion
from driver_kit import (
    BASE_URL,
    KEY,
    MODEL,
    PERSON_QUESTION,
    QUESTION,
    UNKNOWN_MODEL,
    WEATHER_QUESTION,
    main,
    require_error,
    require_person,
    require_stream,
    require_text,
)
from person import Person


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"4 degrees in {city}"


def ask(text, model=MODEL, **options):
    messages = [{"role": "user", "content": text}]
    return completion(model, messages, provider="openai", api_key=KEY, api_base=BASE_URL, **options)


def call():
    require_text(ask(QUESTION, max_tokens=50).choices[0].message.content)


def stream():
    chunks = ask(QUESTION, stream=True)
    require_stream([chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices])


def tools():
    (asked,) = ask(WEATHER_QUESTION, tools=[get_weather]).choices[0].message.tool_calls
    require_text(json.loads(asked.function.arguments)["city"])


def structured():
    message = ask(PERSON_QUESTION, response_format=Person).choices[0].message
    require_person(json.loads(message.content))


def errors():
    require_error(lambda: ask(QUESTION, UNKNOWN_MODEL))


main(globals())
