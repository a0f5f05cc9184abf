"""LangChain's ChatOpenAI."""

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
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from person import Person


def model(name=MODEL):
    return ChatOpenAI(base_url=BASE_URL, api_key=KEY, model=name, max_tokens=200, max_retries=0)


def call():
    require_text(model().invoke(QUESTION).content)


def stream():
    require_stream([chunk.content for chunk in model().stream(QUESTION)])


def tools():
    calls = Calls()

    @tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    bound = model().bind_tools([get_weather])
    messages = [HumanMessage(WEATHER_QUESTION)]
    answer = bound.invoke(messages)
    for request in answer.tool_calls:
        messages += [answer, ToolMessage(get_weather.invoke(request["args"]), tool_call_id=request["id"])]
    require_text(bound.invoke(messages).content)
    calls.require()


def structured():
    for method in ("json_schema", "function_calling"):
        require_person(model().with_structured_output(Person, method=method).invoke(PERSON_QUESTION))


def errors():
    require_error(lambda: model(UNKNOWN_MODEL).invoke(QUESTION))


main(globals())
