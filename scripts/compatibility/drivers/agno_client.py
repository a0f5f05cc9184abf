"""Agno, by its model for OpenAI-compatible servers."""

from agno.agent import Agent
from agno.models.openai.like import OpenAILike
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


def agent(model=MODEL, **options):
    return Agent(model=OpenAILike(id=model, base_url=BASE_URL, api_key=KEY), telemetry=False, **options)


def call():
    require_text(agent().run(QUESTION).content)


def stream():
    require_stream([getattr(event, "content", None) or "" for event in agent().run(QUESTION, stream=True)])


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    require_text(agent(tools=[get_weather]).run(WEATHER_QUESTION).content)
    calls.require()


def structured():
    require_person(agent(output_schema=Person).run(PERSON_QUESTION).content)


def errors():
    def ask():
        result = agent(UNKNOWN_MODEL).run(QUESTION)
        # It puts the error into the result.
        if "ERROR" in str(result.status).upper():
            raise RuntimeError(result.content)
        return result

    require_error(ask)


main(globals())
