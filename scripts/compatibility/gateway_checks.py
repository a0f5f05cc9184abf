"""The checks of an engine behind the gateway, each with this project's client and with OpenAI's.

A check passes if it returns, with a note on what the engine does or lacks, is not applicable if it raises
NotApplicable, and has failed otherwise. What an engine cannot do is observed by asking it past the gateway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import aurous
import openai

from compatibility.gateway_subject import ABSENT_MODEL, MODEL, QUESTION, NotApplicable, Subject, messages

_TOOL: Final = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_PERSON: Final = {
    "type": "json_schema",
    "json_schema": {
        "name": "person",
        "schema": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
            "required": ["name", "age"],
            "additionalProperties": False,
        },
    },
}
_LONG_TEXT: Final = "word " * 4000
_TOKENS: Final = 5
_MANY_TOKENS: Final = 1500
ErrorT = TypeVar("ErrorT", bound=Exception)


def models(subject: Subject) -> str:
    """The gateway lists the models, and is healthy without a key."""
    offered = {MODEL, ABSENT_MODEL}
    assert {model.id for model in subject.aurous.models.list().data} == offered
    assert {model.id for model in subject.openai.models.list()} == offered
    assert subject.http.get(f"{subject.gateway.url}/healthz").status_code == 200
    return ""


def call(subject: Subject) -> str:
    """An answer has text, and the tokens that the engine counts."""
    completion = subject.call()
    assert _text(completion), "the answer is empty"
    usage = subject.direct().json().get("usage") or {}
    counted = completion.usage.prompt_tokens, completion.usage.completion_tokens
    reported = usage.get("prompt_tokens"), usage.get("completion_tokens")
    assert subject.openai_call().choices[0].message.content, "the answer is empty"
    if None in reported:
        return "the engine reports no usage; the gateway counts"
    assert counted == reported, f"(prompt, completion) tokens are {counted}, and the engine's own {reported}"
    return ""


def stream(subject: Subject) -> str:
    """A stream comes in pieces, is stored as it was sent, and has the engine's tokens."""
    pieces, completion = subject.stream()
    assert len(pieces) > 1, f"the stream has {len(pieces)} pieces"
    stored = subject.record(completion.id)
    assert stored["choices"][0]["message"]["content"] == "".join(pieces), "another text is stored"
    assert stored["status"] == "completed"
    chunks = subject.openai_stream(stream_options={"include_usage": True})
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert [chunk for chunk in chunks if chunk.usage], "OpenAI's client sees no usage"
    direct = subject.direct(stream=True, stream_options={"include_usage": True}).text
    usages = [document["usage"] for document in _events(direct) if document.get("usage")]
    if not usages:
        return "the engine sends no usage in streams; the gateway counts"
    assert completion.usage.prompt_tokens == usages[-1]["prompt_tokens"], "other prompt tokens than the engine's"
    return "" if "[DONE]" in direct else "the engine's streams end without [DONE]"


def tools(subject: Subject) -> str:
    """A tool is called, with arguments that are JSON, in a call and in a stream."""
    question = "What is the weather in Oslo? Use the tool."
    called = subject.call(question, tools=[_TOOL]).choices[0]
    if not called.message.tool_calls:
        message = subject.direct(question, tools=[_TOOL]).json()["choices"][0]["message"]
        assert not message.get("tool_calls"), "the engine calls the tool, and the gateway does not deliver it"
        raise NotApplicable("this model answers in text")
    assert called.finish_reason == "tool_calls", f"the finish reason is {called.finish_reason}"
    json.loads(called.message.tool_calls[0].function.arguments)
    _, completion = subject.stream(question, tools=[_TOOL])
    streamed = completion.choices[0].message.tool_calls
    assert streamed, "the stream has no tool call"
    json.loads(streamed[0].function.arguments)
    [answered] = subject.openai_call(question, tools=[_TOOL]).choices[0].message.tool_calls
    assert answered.function.name == "get_weather", answered
    return ""


def structured(subject: Subject) -> str:
    """An answer fits the schema that was asked for."""
    text = _text(subject.call("Invent a person.", response_format=_PERSON))
    if _is_person(text):
        assert _is_person(subject.openai_call("Invent a person.", response_format=_PERSON).choices[0].message.content)
        return ""
    direct = subject.direct("Invent a person.", response_format=_PERSON)
    assert not _is_person(direct.json()["choices"][0]["message"]["content"]), "the engine's own answer fits"
    raise NotApplicable("the engine ignores response_format")


def stop(subject: Subject) -> str:
    """A text ends before a stop sequence, in a call and in a stream, whether or not the engine stops there."""
    whole = _text(subject.call())
    places = [place for place in range(1, len(whole) - 1) if whole.find(whole[place : place + 2]) == place]
    assert places, f"there is nothing to stop at in {whole!r}"
    place = places[len(places) // 2]
    sequence, expected = whole[place : place + 2], whole[:place]
    answered = subject.call(stop=[sequence])
    _, streamed = subject.stream(stop=[sequence])
    third = subject.openai_call(stop=sequence).choices[0]
    for text in (_text(answered), _text(streamed), third.message.content or ""):
        assert text == expected, f"the text is {text!r} in place of {expected!r}"
    reasons = {answered.choices[0].finish_reason, streamed.choices[0].finish_reason, third.finish_reason}
    assert reasons == {"stop"}, f"the finish reasons are {reasons}"
    direct = subject.direct(stop=[sequence]).json()["choices"][0]["message"]["content"]
    return "the engine ignores stop; the gateway cuts" if sequence in direct else ""


def limit(subject: Subject) -> str:
    """Text and charge are bounded by the most tokens, under both names."""
    answered = subject.call(max_tokens=_TOKENS)
    _, streamed = subject.stream(max_tokens=_TOKENS)
    third = subject.openai_call(max_completion_tokens=_TOKENS, max_tokens=openai.omit)
    counts = [each.usage.completion_tokens for each in (answered, streamed, third)]
    assert max(counts) <= _TOKENS, f"the completion tokens are {counts}"
    usage = subject.direct(max_tokens=_TOKENS).json().get("usage") or {}
    return "the engine ignores max_tokens; the gateway cuts" if usage.get("completion_tokens", 0) > _TOKENS else ""


def errors(subject: Subject) -> str:
    """A bad request, an unknown model, a model that the engine lacks and a prompt too long raise typed errors."""
    _refused(subject, 400, aurous.InvalidRequestError, openai.BadRequestError, temperature=9)
    _refused(subject, 404, aurous.NotFoundError, openai.NotFoundError, model="no-such-model")
    notes = []
    if subject.direct(model="no-such-model").status_code >= 400:
        _refused(subject, 500, aurous.ServerError, openai.InternalServerError, model=ABSENT_MODEL)
    else:
        notes.append("the engine answers for any model")
    if subject.direct(_LONG_TEXT).status_code >= 400:
        refusal = _refused(subject, 400, aurous.InvalidRequestError, openai.BadRequestError, text=_LONG_TEXT)
        assert refusal.code == "max_input_tokens_exceeded", f"a prompt too long is {refusal.code}"
    else:
        notes.append("the engine takes prompts beyond its context")
    return "; ".join(notes)


def cancel(subject: Subject) -> str:
    """A stream that is cancelled, or closed early, ends its completion; no credits are held afterwards."""
    options: dict[str, Any] = {"model": MODEL, "messages": messages(_long_question()), "max_tokens": _MANY_TOKENS}
    with subject.aurous.chat.completions.stream(**options) as stream:
        next(stream.text)
        cancelled = stream.cancel()
    left = subject.openai.chat.completions.create(**options, stream=True)
    left_id = next(iter(left)).id
    left.close()
    for completion_id in (cancelled.id, left_id):
        record = subject.wait_settled(completion_id)
        assert record["status"] == "cancelled", f"the completion is {record['status']}"
        subject.charges[completion_id] = Decimal(record["usage"]["credits_charged"])
    return ""


def killed(subject: Subject) -> str:
    """The engine is killed in the middle of a stream, which ends with an error, uncharged; the gateway goes on."""
    options: dict[str, Any] = {"model": MODEL, "messages": messages(_long_question()), "max_tokens": _MANY_TOKENS}
    stream = subject.aurous.chat.completions.stream(**options, on_disconnect="raise")
    try:
        with stream:
            for _ in stream.text:
                subject.engine.kill()
        raise AssertionError("the stream has ended as if nothing had happened")
    except aurous.AurousError:
        pass
    assert stream.id is not None
    record = subject.wait_settled(stream.id)
    assert record["status"] == "failed", f"the completion is {record['status']}"
    _refused(subject, 502, aurous.ServerError, openai.InternalServerError)
    assert subject.http.get(f"{subject.gateway.url}/healthz").status_code == 200
    return ""


def charge(subject: Subject) -> str:
    """What is charged is what receipts say, to the last digit: in the ledger, and of the balance. Nothing is held."""
    available, held = subject.balance()
    assert held == 0, f"{held} credits are held"
    ledger = subject.ledger()
    assert ledger == subject.charges, f"other charges than receipts: {ledger.items() ^ subject.charges.items()}"
    spent = subject.credits - available
    assert spent == sum(ledger.values()), f"the balance fell by {spent}, and {sum(ledger.values())} are charged"
    return ""


# In this order: after `killed` there is no engine, and `charge` looks at all of them.
CHECKS: Final[Mapping[str, Callable[[Subject], str]]] = {
    each.__name__: each
    for each in (models, call, stream, tools, structured, stop, limit, errors, cancel, killed, charge)
}


def _refused(
    subject: Subject,
    status: int,
    ours: type[aurous.APIStatusError],
    theirs: type[openai.APIStatusError],
    **options: Any,
) -> aurous.APIStatusError:
    """The error of a call, which both clients raise as the right class and with this status."""
    text = options.pop("text", QUESTION)
    _raised(theirs, status, lambda: subject.openai_call(text, **options))
    return _raised(ours, status, lambda: subject.call(text, **options))


def _raised(kind: type[ErrorT], status: int, make_call: Callable[[], object]) -> ErrorT:
    """The error that a call raises, of this kind and with this status."""
    try:
        make_call()
    except kind as error:
        refusal = error
    else:
        raise AssertionError(f"there is an answer in place of status {status}")
    actual = getattr(refusal, "status_code", None)
    assert actual == status, f"{type(refusal).__name__} has the status {actual} in place of {status}"
    return refusal


def _long_question() -> str:
    return "Write 2000 words about " + "rain and " * 30 + "snow."


def _text(completion: Any) -> str:
    return completion.choices[0].message.content or ""


def _is_person(text: str | None) -> bool:
    try:
        person = json.loads(text or "")
    except ValueError:
        return False
    return isinstance(person, dict) and isinstance(person.get("name"), str) and isinstance(person.get("age"), int)


def _events(text: str) -> list[dict[str, Any]]:
    data = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(each) for each in data if each.startswith("{")]
