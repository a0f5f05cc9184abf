"""Mirascope."""

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
from mirascope import llm
from person import Person

llm.register_provider("openai:completions", scope=["openai/"], base_url=BASE_URL, api_key=KEY)


def model(name=MODEL):
    return llm.Model(f"openai/{name}:completions", max_tokens=200)


def call():
    require_text(model().call(QUESTION).text())


def stream():
    require_stream([*model().stream(QUESTION).text_stream()])


def tools():
    calls = Calls()

    @llm.tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    response = model().call(WEATHER_QUESTION, tools=[get_weather])
    require_text(response.resume(response.execute_tools()).text())
    calls.require()


def structured():
    require_person(model().call(PERSON_QUESTION, format=Person).parse())


def errors():
    require_error(lambda: model(UNKNOWN_MODEL).call(QUESTION))


main(globals())
