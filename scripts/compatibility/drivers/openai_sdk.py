"""The Python SDK of OpenAI."""

from driver_kit import (
    BASE_URL,
    FULL_MODEL,
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
from openai import OpenAI, pydantic_function_tool
from person import Person
from pydantic import BaseModel

client = OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)


class GetWeather(BaseModel):
    city: str


def ask(text, **options):
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(**{"model": MODEL, "messages": messages, **options})


def call():
    require_text(ask(QUESTION, max_completion_tokens=50, temperature=None).choices[0].message.content)


def stream():
    chunks = ask(QUESTION, stream=True, stream_options={"include_usage": True})
    require_stream([chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices])


def tools():
    tool = pydantic_function_tool(GetWeather)
    for options in ({}, {"model": FULL_MODEL, "tool_choice": "required"}):
        answer = ask(WEATHER_QUESTION, tools=[tool], **options).choices[0].message
        assert GetWeather.model_validate_json(answer.tool_calls[0].function.arguments).city


def structured():
    messages = [{"role": "user", "content": PERSON_QUESTION}]
    parsed = client.chat.completions.parse(model=MODEL, messages=messages, response_format=Person)
    require_person(parsed.choices[0].message.parsed)


def errors():
    require_error(lambda: ask(QUESTION, model=UNKNOWN_MODEL))


main(globals())
