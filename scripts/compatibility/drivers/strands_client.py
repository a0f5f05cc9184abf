"""Strands Agents, by its model for OpenAI."""

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
from pydantic import BaseModel
from strands import Agent, tool
from strands.models.openai import OpenAIModel


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def agent(model=MODEL, **options):
    arguments = {"base_url": BASE_URL, "api_key": KEY, "max_retries": 0}
    return Agent(model=OpenAIModel(client_args=arguments, model_id=model), **{"callback_handler": None, **options})


def call():
    require_text(str(agent()(QUESTION)))


def stream():
    pieces = []
    agent(callback_handler=lambda **event: pieces.append(event.get("data", "")))(QUESTION)
    require_stream([piece for piece in pieces if piece])


def tools():
    calls = Calls()

    @tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    require_text(str(agent(tools=[get_weather])(WEATHER_QUESTION)))
    calls.require()


def structured():
    require_person(agent(FULL_MODEL)(PERSON_QUESTION, structured_output_model=Person).structured_output)


def errors():
    require_error(lambda: agent(UNKNOWN_MODEL)(QUESTION))


main(globals())
