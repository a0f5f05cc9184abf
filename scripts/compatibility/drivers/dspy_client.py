"""DSPy."""

import asyncio

import dspy
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
    require_text,
    script_answer,
)
from person import Person


def model(name=MODEL):
    return dspy.LM(f"openai/{name}", api_base=BASE_URL, api_key=KEY, cache=False, num_retries=0, max_tokens=200)


def call():
    (text,) = model()(QUESTION)
    require_text(text if isinstance(text, str) else text["text"])


class Answer(dspy.Signature):
    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


def stream():
    script_answer({"json": {"answer": "Red, green and blue."}})
    program = dspy.streamify(dspy.Predict(Answer))

    async def read():
        with dspy.context(lm=model(), adapter=dspy.JSONAdapter()):
            return [value async for value in program(question=QUESTION)]

    require_text(asyncio.run(read())[-1].answer)


def tools():
    calls = Calls()

    def get_weather(city: str) -> str:
        """The weather of a city."""
        calls.append(city)
        return "4 degrees"

    # Its agents describe tools and answers in prose.
    steps = [("get_weather", {"city": "Oslo"}), ("finish", {})]
    for name, arguments in steps:
        script_answer({"json": {"next_thought": "Go on.", "next_tool_name": name, "next_tool_args": arguments}})
    script_answer({"json": {"reasoning": "I asked.", "answer": "It is cold."}})
    with dspy.context(lm=model(), adapter=dspy.JSONAdapter()):
        require_text(dspy.ReAct("question -> answer", tools=[get_weather])(question=WEATHER_QUESTION).answer)
    calls.require()


class Invent(dspy.Signature):
    question: str = dspy.InputField()
    person: Person = dspy.OutputField()


def structured():
    script_answer({"json": {"person": {"name": "Ada", "age": 36}}})
    with dspy.context(lm=model(), adapter=dspy.JSONAdapter()):
        require_person(dspy.Predict(Invent)(question=PERSON_QUESTION).person)


def errors():
    require_error(lambda: model(UNKNOWN_MODEL)(QUESTION))


main(globals())
