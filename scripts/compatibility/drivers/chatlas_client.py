"""chatlas, by its class for OpenAI's chat completions."""

from chatlas import ChatOpenAICompletions
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


def chat(model=MODEL):
    return ChatOpenAICompletions(model=model, base_url=BASE_URL, api_key=KEY)


def call():
    require_text(str(chat().chat(QUESTION, echo="none", stream=False)))


def stream():
    require_stream([*chat().stream(QUESTION)])


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    session = chat()
    session.register_tool(get_weather)
    require_text(str(session.chat(WEATHER_QUESTION, echo="none")))
    calls.require()


def structured():
    require_person(chat().chat_structured(PERSON_QUESTION, data_model=Person))


def errors():
    require_error(lambda: str(chat(UNKNOWN_MODEL).chat(QUESTION, echo="none")))


main(globals())
