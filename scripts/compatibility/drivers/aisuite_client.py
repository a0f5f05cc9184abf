"""aisuite."""

import json

import aisuite
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

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def ask(text, model=MODEL, **options):
    client = aisuite.Client({"openai": {"base_url": BASE_URL, "api_key": KEY}})
    return client.chat.completions.create(f"openai:{model}", messages=[{"role": "user", "content": text}], **options)


def call():
    require_text(ask(QUESTION).choices[0].message.content)


def stream():
    require_stream([chunk.choices[0].delta.content or "" for chunk in ask(QUESTION, stream=True)])


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    require_text(ask(WEATHER_QUESTION, tools=[get_weather], max_turns=2).choices[0].message.content)
    calls.require()


def structured():
    response_format = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": SCHEMA}}
    require_person(json.loads(ask(PERSON_QUESTION, response_format=response_format).choices[0].message.content))


def errors():
    require_error(lambda: ask(QUESTION, UNKNOWN_MODEL))


main(globals())
