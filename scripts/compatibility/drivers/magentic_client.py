"""Magentic."""

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
from magentic import OpenaiChatModel, StreamedStr, prompt, prompt_chain
from person import Person


def model(name=MODEL):
    return OpenaiChatModel(name, base_url=BASE_URL, api_key=KEY)


def ask(text, returns, name=MODEL):
    @prompt("{text}", model=model(name))
    def asked(text: str) -> returns: ...

    return asked(text)


def call():
    require_text(ask(QUESTION, str))


def stream():
    require_stream([*ask(QUESTION, StreamedStr)])


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    @prompt_chain("{text}", functions=[get_weather], model=model())
    def asked(text: str) -> str: ...

    require_text(asked(WEATHER_QUESTION))
    calls.require()


def structured():
    # What is no text is a tool, asked for with tool_choice: required.
    require_person(ask(PERSON_QUESTION, Person, FULL_MODEL))


def errors():
    require_error(lambda: ask(QUESTION, str, UNKNOWN_MODEL))


main(globals())
