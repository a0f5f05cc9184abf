"""smolagents."""

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
from person import Person
from pydantic import TypeAdapter
from smolagents import OpenAIModel, ToolCallingAgent, tool
from smolagents.models import ChatMessage, MessageRole


def model(name=MODEL):
    return OpenAIModel(name, api_base=BASE_URL, api_key=KEY)


def ask(text):
    return [ChatMessage(role=MessageRole.USER, content=[{"type": "text", "text": text}])]


def call():
    require_text(model().generate(ask(QUESTION)).content)


def stream():
    require_stream([delta.content or "" for delta in model().generate_stream(ask(QUESTION))])


def tools():
    calls = Calls()

    @tool
    def get_weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: The city.
        """
        calls.append(city)
        return "4 degrees"

    # Its agents send tool_choice: required.
    ToolCallingAgent(tools=[get_weather], model=model(FULL_MODEL), max_steps=4, verbosity_level=0).run(WEATHER_QUESTION)
    calls.require()


def structured():
    schema = {**Person.model_json_schema(), "additionalProperties": False}
    response_format = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": schema}}
    text = model().generate(ask(PERSON_QUESTION), response_format=response_format).content
    require_person(TypeAdapter(Person).validate_json(text))


def errors():
    require_error(lambda: model(UNKNOWN_MODEL).generate(ask(QUESTION)))


main(globals())
