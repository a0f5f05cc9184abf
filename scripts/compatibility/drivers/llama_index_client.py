"""LlamaIndex, by OpenAILike."""

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
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from person import Person


def model(name=MODEL):
    return OpenAILike(
        model=name,
        api_base=BASE_URL,
        api_key=KEY,
        is_chat_model=True,
        is_function_calling_model=True,
        should_use_structured_outputs=True,
        max_retries=0,
    )


def ask(text):
    return [ChatMessage(role="user", content=text)]


def call():
    require_text(model().chat(ask(QUESTION)).message.content)


def stream():
    require_stream([piece.delta or "" for piece in model().stream_chat(ask(QUESTION))])


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"4 degrees in {city}"


def tools():
    llm, tool = model(), FunctionTool.from_defaults(get_weather)
    answer = llm.chat_with_tools([tool], user_msg=WEATHER_QUESTION)
    (asked,) = llm.get_tool_calls_from_response(answer)
    require_text(asked.tool_kwargs["city"])


def structured():
    require_person(model().as_structured_llm(Person).complete(PERSON_QUESTION).raw)


def errors():
    require_error(lambda: model(UNKNOWN_MODEL).chat(ask(QUESTION)))


main(globals())
