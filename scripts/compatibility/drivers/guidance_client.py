"""Guidance, by its model for OpenAI."""

import guidance
from driver_kit import (
    BASE_URL,
    KEY,
    MODEL,
    PERSON_QUESTION,
    QUESTION,
    UNKNOWN_MODEL,
    NotApplicable,
    main,
    require_error,
    require_person,
    require_text,
)
from guidance import assistant, gen, models, user
from person import Person
from pydantic import TypeAdapter


def ask(text, generation, name=MODEL):
    model = models.OpenAI(name, base_url=BASE_URL, api_key=KEY, echo=False)
    with user():
        model += text
    with assistant():
        model += generation
    return model


def call():
    require_text(ask(QUESTION, gen("answer", max_tokens=50))["answer"])


def stream():
    # It asks for a stream in every call, and reads it to the end.
    require_text(ask(QUESTION, gen("answer"))["answer"])


def tools():
    raise NotApplicable("its tools need models that it knows by name")


def structured():
    person = ask(PERSON_QUESTION, guidance.json("answer", schema=Person))["answer"]
    require_person(TypeAdapter(Person).validate_json(person))


def errors():
    require_error(lambda: ask(QUESTION, gen("answer"), UNKNOWN_MODEL))


main(globals())
