"""Instructor, over OpenAI's SDK."""

import instructor
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
from openai import OpenAI
from person import Person


def ask(text, returns, mode=instructor.Mode.TOOLS, **options):
    client = instructor.from_openai(OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0), mode=mode)
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, "response_model": returns, "max_retries": 0, **options}
    )


def call():
    require_text(ask(QUESTION, None).choices[0].message.content)


def stream():
    client = instructor.from_openai(OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0))
    messages = [{"role": "user", "content": PERSON_QUESTION}]
    partial = [*client.chat.completions.create_partial(model=MODEL, messages=messages, response_model=Person)]
    assert len(partial) > 1
    require_person(partial[-1])


def tools():
    raise NotApplicable("runs no tools; its response models are tools, see structured")


def structured():
    for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
        require_person(ask(PERSON_QUESTION, Person, mode))


def errors():
    require_error(lambda: ask(QUESTION, None, model=UNKNOWN_MODEL))


main(globals())
