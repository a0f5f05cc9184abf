"""The lines of a batch: the forms that they can have, the requests that they make, and their idempotency keys."""

from __future__ import annotations

import json
from typing import Any

import aurous
import pytest
from aurous.batch.request_forms import BatchRequest, InvalidLine, RequestForms
from aurous.models import UserMessage

QUESTION = [{"role": "user", "content": "Why?"}]
SYSTEM = {"role": "system", "content": "Be brief."}


def forms(**options: Any) -> RequestForms:
    return RequestForms(**{"job": "test", "model": "default-model", **options})


def body(value: object, **options: Any) -> Any:
    """The body that a line makes."""
    request = forms(**options).read(7, value)
    assert isinstance(request, BatchRequest), request
    return json.loads(request.content)


def reason(value: object, **options: Any) -> str:
    """Why a line makes none."""
    line = forms(**options).read(7, value)
    assert isinstance(line, InvalidLine)
    return line.reason


@pytest.mark.parametrize(
    "value",
    [
        "Why?",
        {"prompt": "Why?"},
        {"messages": QUESTION},
        {"messages": [UserMessage(content="Why?")]},
        {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": QUESTION}},
        {"custom_id": "a", "body": {"messages": QUESTION, "model": "default-model"}},
    ],
)
def test_every_form_makes_the_same_body(value: Any) -> None:
    assert body(value) == {"model": "default-model", "messages": QUESTION}


def test_other_members_are_parameters_of_the_request() -> None:
    result = body({"prompt": "Why?", "max_tokens": 3, "model": "own", "unheard_of": [1]})
    assert result == {"messages": QUESTION, "max_tokens": 3, "model": "own", "unheard_of": [1]}


def test_template_makes_a_prompt_of_each_row() -> None:
    result = body({"text": "cat", "to": "French", "custom_id": "x"}, template="{text} in {to}, {{please}}")
    assert result["messages"] == [{"role": "user", "content": "cat in French, {please}"}]


def test_template_may_take_a_width_from_the_row() -> None:
    result = body({"text": "cat", "width": 5}, template="{text:>{width}}")
    assert result["messages"] == [{"role": "user", "content": "  cat"}]
    assert "the template needs width" in reason({"text": "cat"}, template="{text:>{width}}")


def test_system_text_goes_before_messages_without_one() -> None:
    assert body("Why?", system="Be brief.")["messages"] == [SYSTEM, *QUESTION]
    own = [{"role": "system", "content": "Be kind."}, *QUESTION]
    assert body({"messages": own}, system="Be brief.")["messages"] == own


def test_lines_without_a_custom_id_are_called_by_their_number() -> None:
    assert forms().read(7, "Why?").custom_id == "line-7"
    assert forms().read(7, {"prompt": "Why?", "custom_id": 12}).custom_id == "12"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "found no members"),
        ({"question": "Why?"}, "expected `messages`, `prompt` or OpenAI's batch form, found question"),
        ([], "expected an object, found an array"),
        (12, "expected an object, found a number"),
        (None, "expected an object, found null"),
        ({"prompt": 12}, "prompt must be a string, not a number"),
        ({"prompt": "Why?", "messages": QUESTION}, "both a prompt and messages"),
        ({"messages": []}, "at least one message"),
        ({"messages": "Why?"}, "must be a list"),
        ({"prompt": "Why?", "stream": True}, "not streamed"),
        ({"prompt": "Why?", "custom_id": ["a"]}, "custom_id must be a string"),
        ({"prompt": "\ud83d"}, "not Unicode"),
        ({"prompt": "Why?", "temperature": float("nan")}, "body: "),
        ({"prompt": "Why?", "stop": {1, 2}}, "body: "),
        ({"body": {"messages": QUESTION}, "method": "GET"}, "method must be POST"),
        ({"body": {"messages": QUESTION}, "url": "/v1/embeddings"}, "a batch makes chat completions"),
        ({"body": {"messages": QUESTION}, "model": "own"}, "model: members of the request belong into `body`"),
    ],
)
def test_invalid_line_says_why_and_where(value: Any, expected: str) -> None:
    assert reason(value).startswith("line 7: ")
    assert expected in reason(value)


def test_deeply_nested_line_is_invalid() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    assert reason({"prompt": "Why?", "metadata": value}).startswith("line 7: ")


def test_row_without_what_the_template_needs_is_invalid() -> None:
    assert "the template needs to; the row has text" in reason({"text": "cat"}, template="{text} in {to}")
    assert "the template does not fit" in reason({"text": "cat"}, template="{text:d}")


def test_row_with_binary_cells_for_the_template_is_invalid() -> None:
    # As Parquet has text that some program did not mark as such.
    row = {"text": b"cat", "to": "French", "more": b"\0"}
    assert "needs text, and text is binary: decode it first" in reason(row, template="{text} in {to}")


def test_line_without_any_model_is_invalid() -> None:
    assert "names no model" in reason("Why?", model=None)


@pytest.mark.parametrize(
    "template",
    [
        *("{", "{text", "}", "{}", "{0.real}", "{text.__class__}", "{rows[0]}", "{text:{width.real}}", "Translate"),
        *("{text!x}", "{text:{width!x}}"),
    ],
)
def test_template_that_is_not_valid_is_refused(template: str) -> None:
    with pytest.raises(aurous.errors.ConfigurationError, match="template"):
        forms(template=template)


def test_key_is_that_of_job_custom_id_and_canonical_body() -> None:
    line = {"body": {"messages": QUESTION, "model": "m", "a": 1}, "custom_id": "x"}
    request = forms(job="job").read(1, line)
    content = '{"a":1,"messages":[{"content":"Why?","role":"user"}],"model":"m"}'
    assert isinstance(request, BatchRequest)
    assert request.content.decode() == content
    assert request.key == aurous.idempotency_key("job", "x", content)


def test_keys_differ_by_job_custom_id_and_body_alone() -> None:
    line = {"prompt": "Why?", "custom_id": "x", "max_tokens": 1}
    same = forms().read(1, line).key
    assert forms().read(2, dict(reversed(line.items()))).key == same
    others = {forms(job="other").read(1, line).key, forms().read(1, {**line, "custom_id": "y"}).key}
    others |= {forms().read(1, {**line, "max_tokens": 2}).key, forms(system="Be brief.").read(1, line).key}
    assert len(others | {same}) == 5
