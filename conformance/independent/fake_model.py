"""The model: invents answers that honour what a request asks for, the same ones for the same conversation."""

from __future__ import annotations

import hashlib
import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from .canonical_json import canonical
from .chat_request import ChatRequest
from .fake_json import Faker
from .identifiers import new_id
from .tokens import tokenize

_OPENINGS = ("To put it simply,", "In short,", "As it happens,", "On the whole,", "For the most part,", "By contrast,")
_SUBJECTS = ("the river", "a quiet harbour", "the old bridge", "every season", "the northern road", "a small lamp")
_VERBS = ("carries", "remembers", "follows", "changes", "keeps", "answers")
_OBJECTS = ("what the rain leaves", "the sound of bells", "its own pace", "the morning light", "those who wait", "salt")
_LONG = re.compile(
    r"\b(long|essay|story|detail\w*|every|hundred\w*|thousand\w*|many|novel|poem|book|chapters?)\b", re.I
)
_NUMBER = re.compile(r"\b\d{2,6}\b")
_SHORT_WORDS = 45
_LONG_WORDS = 1500
_REASONING_TOKENS = {"minimal": 0, "low": 16, "medium": 48, "high": 160}


@dataclass(frozen=True)
class Piece:
    """One token of an answer: of its text, or, with `call`, of the name or the arguments of a call."""

    text: str
    call: int | None = None
    is_name: bool = False


@dataclass
class Answer:
    """A whole answer, planned before its first token is sent."""

    pieces: list[Piece]
    finish_reason: str
    reasoning_tokens: int = 0
    call_ids: list[str] = field(default_factory=list)


class FakeModel:
    """Plans answers. `sentences` can be replaced by other sources of text."""

    def answer(self, request: ChatRequest) -> Answer:
        """Return the answer to a request: calls, JSON or text, cut where `stop` or `max_tokens` say."""
        answer = Answer([], "stop", self.reasoning_tokens(request))
        tools = self.tools_to_call(request)
        if tools:
            answer.finish_reason = "tool_calls"
            for index, tool in enumerate(tools):
                answer.call_ids.append(new_id("call"))
                answer.pieces.append(Piece(tool["name"], call=index, is_name=True))
                answer.pieces += [Piece(token, call=index) for token in tokenize(self.arguments(request, tool))]
        else:
            text = self.structured(request) if request.asks_for_json else self.text(request)
            answer.pieces = [Piece(token) for token in tokenize(self.cut_at_stop(request, text))]
        if len(answer.pieces) > request.max_tokens:
            del answer.pieces[request.max_tokens :]
            answer.finish_reason = "length"
        return answer

    def reasoning_tokens(self, request: ChatRequest) -> int:
        return _REASONING_TOKENS.get(request.reasoning_effort, 0)

    def tools_to_call(self, request: ChatRequest) -> list[dict[str, Any]]:
        """Return the functions to call: the one that is named, or the first when a user speaks and may be helped."""
        functions = [tool["function"] for tool in request.tools]
        if isinstance(request.tool_choice, dict):
            name = request.tool_choice["function"]["name"]
            return [function for function in functions if function["name"] == name][:1]
        if request.tool_choice == "none" or not request.messages:
            return []
        if request.messages[-1]["role"] != "user" and request.tool_choice != "required":
            return []
        return functions[:1]

    def arguments(self, request: ChatRequest, function: dict[str, Any]) -> str:
        schema = function.get("parameters") or {"type": "object"}
        value = Faker(schema, self._seed(request)).value({"type": "object"} | schema)
        return json.dumps(value if isinstance(value, dict) else {}, separators=(",", ":"), ensure_ascii=False)

    def structured(self, request: ChatRequest) -> str:
        """Return a JSON text: one that fits the schema that was given, otherwise any object."""
        schema: dict[str, Any] = {"type": "object", "properties": {"answer": {"type": "string"}}}
        if request.response_format["type"] == "json_schema":
            schema = request.response_format["json_schema"].get("schema", schema)
        value = Faker(schema, self._seed(request)).value(schema)
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def text(self, request: ChatRequest) -> str:
        """Return prose that begins with the question, as long as the question makes one expect."""
        question = " ".join(request.last_text().split()[:24])
        source = random.Random(self._seed(request))
        words = self.words_wanted(request)
        parts = [f"You wrote: {question}."] if question else []
        length = len(question.split())
        while length < words:
            sentence = self.sentence(source)
            parts.append(sentence)
            length += len(sentence.split())
        return " ".join(parts)

    def words_wanted(self, request: ChatRequest) -> int:
        question = request.last_text()
        numbers = [int(number) for number in _NUMBER.findall(question)]
        wanted = max([_SHORT_WORDS, *numbers])
        return min(max(wanted, _LONG_WORDS) if _LONG.search(question) else wanted, 3000)

    def sentence(self, source: random.Random) -> str:
        choices = (_OPENINGS, _SUBJECTS, _VERBS, _OBJECTS)
        return " ".join(source.choice(choice) for choice in choices) + "."

    def cut_at_stop(self, request: ChatRequest, text: str) -> str:
        """Return the text up to the first of the sequences to stop at, which is no part of it."""
        ends = [text.find(sequence) for sequence in request.stop if sequence]
        return text[: min((end for end in ends if end >= 0), default=len(text))]

    def _seed(self, request: ChatRequest) -> str:
        heard = [request.model, request.messages, request.body.get("seed")]
        return hashlib.sha256(canonical(heard).encode()).hexdigest()
