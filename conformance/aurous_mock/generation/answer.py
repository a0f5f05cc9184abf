"""Composes the fake model's answer to a request, the same one for the same request and seed."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from aurous_mock import identifiers
from aurous_mock.billing import pricing
from aurous_mock.errors import APIError
from aurous_mock.generation import logprobs, schema_faker, text_generator, tokens
from aurous_mock.generation.parsed_request import ParsedRequest

Logprobs = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Delta:
    """The next part of an answer: `text` continues the content, or the arguments of call number `call`; `opens` begins
    that call. `logprobs` are OpenAI's entries for its tokens. tokens: how many it has, of a text that is not empty"""

    text: str
    call: int | None = None
    opens: ToolCall | None = None
    logprobs: Logprobs = ()
    tokens: int = 1


@dataclass(frozen=True, slots=True)
class AnswerEnd:
    """Why an answer ended, and the token counts that the engine reports; None: count what was delivered."""

    finish_reason: str
    reasoning_tokens: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


# What a stream of an answer has: its deltas, and then its end.
AnswerPart = Delta | AnswerEnd


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: the tokens of its content, its tool calls, and why it ended."""

    content: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    end: AnswerEnd
    logprobs: Logprobs = ()

    @property
    def length(self) -> int:
        """How many tokens it has, those of tool calls included."""
        return len(self.content) + sum(len(tokens.split(call.arguments)) for call in self.calls)

    def deltas(self) -> Iterator[Delta]:
        """The answer token by token."""
        for place, token in enumerate(self.content):
            yield Delta(token, logprobs=self.logprobs[place : place + 1])
        for index, call in enumerate(self.calls):
            yield Delta("", index, ToolCall(call.id, call.name, ""))
            yield from (Delta(token, index) for token in tokens.split(call.arguments))


def compose_answer(request: ParsedRequest, seed: int) -> Answer:
    """The answer under this seed. `max_tokens` and `stop` only cut it: a shorter answer is a prefix of a longer one."""
    rng = random.Random(request.digest ^ seed)
    most_reasoning = pricing.REASONING_TOKENS[request.effort]
    reasoning = rng.randint(most_reasoning // 2, most_reasoning)
    tool = _choose_tool(request)
    if tool is not None:
        return _call(tool, request, reasoning, rng)
    text = cut_at_stop(_write(request, rng), request.stops)
    all_tokens = tokens.split(text)
    kept = tuple(all_tokens[: request.max_tokens])
    end = AnswerEnd("length" if len(kept) < len(all_tokens) else "stop", reasoning)
    entries = () if request.alternatives is None else logprobs.entries(kept, request.alternatives, request.digest)
    return Answer(kept, (), end, tuple(entries))


def _call(tool: Mapping[str, Any], request: ParsedRequest, reasoning: int, rng: random.Random) -> Answer:
    param = f"tools[{request.body['tools'].index(tool)}].function.parameters"
    arguments = _dump(_fake_value(tool["function"].get("parameters") or {"type": "object"}, rng, param))
    all_tokens = tokens.split(arguments)
    kept = tuple(all_tokens[: request.max_tokens])
    call = ToolCall(identifiers.derived("call_", rng), tool["function"]["name"], "".join(kept))
    return Answer((), (call,), AnswerEnd("length" if len(kept) < len(all_tokens) else "tool_calls", reasoning))


def _choose_tool(request: ParsedRequest) -> dict[str, Any] | None:
    """The tool to call: the forced one; else, after a message of the user, the one most similar to it. One that is
    required is another one after each call, so that a program which goes on until some tool is called comes to its end.
    """
    tools: list[dict[str, Any]] = request.body.get("tools") or []
    choice = request.body.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        # Undocumented: a forced tool that `tools` does not declare. The mock answers without a tool call.
        forced = choice["function"]["name"]
        return next((tool for tool in tools if tool["function"]["name"] == forced), None)
    if not tools or choice == "none" or (choice != "required" and request.body["messages"][-1]["role"] != "user"):
        return None
    wanted, calls = _words(request.question), _calls_since_question(request)
    return max(
        tools,
        key=lambda tool: (-calls[tool["function"]["name"]], len(wanted & _words(_description(tool["function"])))),
    )


def _calls_since_question(request: ParsedRequest) -> Counter[str]:
    """How often each tool was called since the user spoke last."""
    calls: Counter[str] = Counter()
    for message in reversed(request.body["messages"]):
        if message["role"] == "user":
            break
        calls.update(call["function"]["name"] for call in message.get("tool_calls") or ())
    return calls


def _description(function: Mapping[str, Any]) -> str:
    return f"{function['name']} {function.get('description') or ''}".replace("_", " ")


def _words(text: str) -> set[str]:
    return {word.strip(".,:;!?").lower() for word in text[:2000].split()}


def _write(request: ParsedRequest, rng: random.Random) -> str:
    response_format = request.body.get("response_format") or {}
    match response_format.get("type"):
        case "json_schema":
            schema = response_format["json_schema"].get("schema")
            if schema is not None:
                return _dump(_fake_value(schema, rng, "response_format.json_schema.schema"))
            return _dump(_free_object(request, rng))
        case "json_object":
            return _dump(_free_object(request, rng))
        case _:
            return text_generator.reply(request.question, rng)


def _free_object(request: ParsedRequest, rng: random.Random) -> dict[str, Any]:
    return {"answer": text_generator.reply(request.question, rng), "confidence": rng.randint(50, 99) / 100}


def _fake_value(schema: Mapping[str, Any], rng: random.Random, param: str) -> Any:
    try:
        return schema_faker.fake_value(schema, rng)
    except schema_faker.Unsatisfiable as error:
        raise APIError("invalid_format", f"No answer can fit the schema: {error}.", param=param) from error


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def cut_at_stop(text: str, stops: tuple[str, ...]) -> str:
    """The text before the first of the sequences at which to stop."""
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
