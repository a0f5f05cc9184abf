"""llm, Simon Willison's library and command."""

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
from llm.default_plugins.openai_models import Chat
from person import Person


def model(name=MODEL):
    made = Chat("mock", model_name=name, api_base=BASE_URL, supports_schema=True, supports_tools=True)
    made.key = KEY
    return made


def call():
    require_text(model().prompt(QUESTION, stream=False).text())


def stream():
    require_stream([*model().prompt(QUESTION)])


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    require_text(model().chain(WEATHER_QUESTION, tools=[get_weather]).text())
    calls.require()


def structured():
    require_person(json.loads(model().prompt(PERSON_QUESTION, schema=Person, stream=False).text()))


def errors():
    require_error(lambda: model(UNKNOWN_MODEL).prompt(QUESTION).text())


main(globals())
