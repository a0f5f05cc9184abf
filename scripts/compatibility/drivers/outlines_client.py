"""Outlines, by its model for OpenAI."""

import openai
import outlines
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
    require_stream,
    require_text,
)
from person import Person
from pydantic import TypeAdapter


def model(name=MODEL):
    return outlines.from_openai(openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0), name)


def call():
    require_text(model()(QUESTION))


def stream():
    require_stream([piece or "" for piece in model().stream(QUESTION)])


def tools():
    raise NotApplicable("it has no tools")


def structured():
    require_person(TypeAdapter(Person).validate_json(model()(PERSON_QUESTION, Person)))


def errors():
    require_error(lambda: model(UNKNOWN_MODEL)(QUESTION))


main(globals())
