"""LiteLLM, as a library."""

import json

import litellm
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

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def ask(text, model=MODEL, **options):
    messages = [{"role": "user", "content": text}]
    return litellm.completion(f"openai/{model}", messages, api_base=BASE_URL, api_key=KEY, num_retries=0, **options)


def call():
    require_text(ask(QUESTION, max_tokens=50).choices[0].message.content)


def stream():
    require_stream([chunk.choices[0].delta.content or "" for chunk in ask(QUESTION, stream=True)])


def tools():
    (asked,) = ask(WEATHER_QUESTION, tools=[WEATHER]).choices[0].message.tool_calls
    require_text(json.loads(asked.function.arguments)["city"])


def structured():
    require_person(json.loads(ask(PERSON_QUESTION, response_format=Person).choices[0].message.content))


def errors():
    require_error(lambda: ask(QUESTION, UNKNOWN_MODEL))


main(globals())
