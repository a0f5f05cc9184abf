"""Makes up the answer to an order, deterministically; knows nothing of time, money or the wire."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from aurous_mock.billing import pricing
from aurous_mock.completions import identifiers
from aurous_mock.completions.parsed_request import Order
from aurous_mock.generation import logprobs, schema_faker, text_generator, tokens
from aurous_mock.http.errors import Refused

Logprobs = tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bit of an answer: `text` continues the content, or the arguments of call number `call`; `opens` begins
    that call. One piece is one token, unless it only opens a call. `logprobs` are OpenAI's entries for its tokens."""

    text: str
    call: int | None = None
    opens: ToolCall | None = None
    logprobs: Logprobs = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended, and the counts that only its maker knows (None: count what was delivered)."""

    finish_reason: str
    reasoning_tokens: int = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: the tokens of its content, its calls, and its ending."""

    content: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    ending: Ending
    logprobs: Logprobs = ()

    @property
    def length(self) -> int:
        """How many tokens were made, calls included."""
        return len(self.content) + sum(len(tokens.split(call.arguments)) for call in self.calls)

    def pieces(self) -> Iterator[Piece]:
        """The answer a token at a time."""
        for place, token in enumerate(self.content):
            yield Piece(token, logprobs=self.logprobs[place : place + 1])
        for index, call in enumerate(self.calls):
            yield Piece("", index, ToolCall(call.id, call.name, ""))
            yield from (Piece(token, index) for token in tokens.split(call.arguments))


def compose(order: Order, seed: int) -> Answer:
    """The answer of a server with this seed; max_tokens and stop only cut it, so that shorter ones are its prefixes."""
    rng = random.Random(order.digest ^ seed)
    most = pricing.REASONING_TOKENS[order.effort]
    reasoning = rng.randint(most // 2, most)
    tool = _choose_tool(order)
    if tool is not None:
        return _call(tool, order, reasoning, rng)
    text = _cut_at_stop(_write(order, rng), order.stops)
    whole = tokens.split(text)
    kept = tuple(whole[: order.max_tokens])
    ending = Ending("length" if len(kept) < len(whole) else "stop", reasoning)
    shown = () if order.alternatives is None else logprobs.entries(kept, order.alternatives, order.digest)
    return Answer(kept, (), ending, tuple(shown))


def _call(tool: Mapping[str, Any], order: Order, reasoning: int, rng: random.Random) -> Answer:
    where = f"tools[{order.body['tools'].index(tool)}].function.parameters"
    arguments = _dump(_sample(tool["function"].get("parameters") or {"type": "object"}, rng, where))
    whole = tokens.split(arguments)
    kept = tuple(whole[: order.max_tokens])
    call = ToolCall(identifiers.derived("call_", rng), tool["function"]["name"], "".join(kept))
    return Answer((), (call,), Ending("length" if len(kept) < len(whole) else "tool_calls", reasoning))


def _choose_tool(order: Order) -> dict[str, Any] | None:
    """The tool to call: the one forced; else, when the user spoke last, the one nearest to the user's words."""
    tools: list[dict[str, Any]] = order.body.get("tools") or []
    choice = order.body.get("tool_choice") or "auto"
    if isinstance(choice, Mapping):
        # No page says what becomes of a choice that `tools` does not declare; the mock refuses nothing for it.
        forced = choice["function"]["name"]
        return next((tool for tool in tools if tool["function"]["name"] == forced), None)
    if not tools or choice == "none" or order.body["messages"][-1]["role"] != "user":
        return None
    asked = _words(order.question)
    return max(tools, key=lambda tool: len(asked & _words(_about(tool["function"]))))


def _about(function: Mapping[str, Any]) -> str:
    return f"{function['name']} {function.get('description') or ''}".replace("_", " ")


def _words(text: str) -> set[str]:
    return {word.strip(".,:;!?").lower() for word in text[:2000].split()}


def _write(order: Order, rng: random.Random) -> str:
    wanted = order.body.get("response_format") or {}
    match wanted.get("type"):
        case "json_schema":
            schema = wanted["json_schema"].get("schema")
            if schema is not None:
                return _dump(_sample(schema, rng, "response_format.json_schema.schema"))
            return _dump(_free_object(order, rng))
        case "json_object":
            return _dump(_free_object(order, rng))
        case _:
            return text_generator.reply(order.question, rng)


def _free_object(order: Order, rng: random.Random) -> dict[str, Any]:
    return {"answer": text_generator.reply(order.question, rng), "confidence": rng.randint(50, 99) / 100}


def _sample(schema: Mapping[str, Any], rng: random.Random, where: str) -> Any:
    try:
        return schema_faker.fake_value(schema, rng)
    except schema_faker.Unsatisfiable as reason:
        raise Refused("invalid_format", f"No answer can fit the schema: {reason}.", param=where) from reason


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _cut_at_stop(text: str, stops: tuple[str, ...]) -> str:
    ends = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text
