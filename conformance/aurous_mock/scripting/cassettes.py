"""Cassettes: answers of a real server, recorded through the mock and given again without it, in a file without keys."""

import asyncio
import os
import re
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Self

import orjson

from aurous_mock import request_log
from aurous_mock.errors import APIError
from aurous_mock.generation.answer import Answer, AnswerEnd, AnswerPart, ToolCall
from aurous_mock.generation.engine import Engine, Pace, stream_answer
from aurous_mock.generation.parsed_request import ParsedRequest, digest
from aurous_mock.scripting.scripted_answers import check_answer, compose_answer

# Keys of this API and of others, and tokens of an Authorization header. Headers themselves are never recorded.
_SECRETS: Final = re.compile(r"\b(?:al_live_|og_|sk-)[\w-]{8,}|(?<=Bearer )[\w.~+/-]{8,}=*")
_REMOVED: Final = "[key]"
# A shorter key, such as `test`, is a word of many texts: without it, no replay would know their requests.
_SHORTEST_SECRET: Final = 8


class UnknownRequestError(LookupError):
    """A cassette has no answer to a request. The message says which."""


class CassetteError(Exception):
    """A file is not a cassette, or cannot become one. The message is one line that says why."""


class Cassette:
    """Answers by request. Called with the body of a request, it gives the next one recorded for that request; the last
    is given again and again. May be called by several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._requests: dict[int, Mapping[str, Any]] = {}
        self._answers: dict[int, list[Any]] = {}
        self._given: defaultdict[int, int] = defaultdict(int)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file. Raises CassetteError if it is not a cassette."""
        cassette = cls(Path(path))
        try:
            document = orjson.loads(cassette._path.read_bytes())
            for exchange in document["exchanges"]:
                for answer in exchange["answers"]:
                    check_answer(answer)
                cassette._requests[digest(exchange["request"])] = exchange["request"]
                cassette._answers[digest(exchange["request"])] = [*exchange["answers"]]
        except OSError as error:
            raise CassetteError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise CassetteError(f"{path} is not a cassette of aurous-mock: {error}") from error
        return cassette

    @classmethod
    def open_for_recording(cls, path: Path) -> Self:
        """A cassette with the exchanges of a file, or a new one. Raises CassetteError if the file cannot be written."""
        if path.exists() and not path.is_file():
            raise CassetteError(f"cannot record in {path}: it is not a regular file")
        cassette = cls.load(path) if path.exists() else cls(path)
        try:
            cassette.write()
        except OSError as error:
            raise CassetteError(f"cannot record in {path}: {error.strerror}") from error
        return cassette

    def __call__(self, body: Mapping[str, Any]) -> Any:
        """The next answer to a request. Raises UnknownRequestError if it was not recorded."""
        key = digest(remove_secrets(body))
        with self._lock:
            answers = self._answers.get(key)
            if answers is None:
                raise UnknownRequestError(f"{self._path} has no answer to this request: record it again.")
            self._given[key] += 1
            return answers[min(self._given[key], len(answers)) - 1]

    def record(self, body: Mapping[str, Any], answer: Answer, secrets: Sequence[str]) -> None:
        """Add an exchange, without keys, and write the file. If it cannot be written now, the next exchange does."""
        request = remove_secrets(body, secrets)
        with self._lock:
            key = digest(request)
            self._requests[key] = request
            self._answers.setdefault(key, []).append(remove_secrets(_message(answer), secrets))
            try:
                self.write()
            except OSError as error:
                # The answer is charged already, and is still delivered.
                request_log.warn(f"cannot record in {self._path}: {error.strerror}; tried again at the next answer")

    def write(self) -> None:
        """Write the file. Raises OSError if it cannot be written; the file of before is whole then."""
        exchanges = [{"request": request, "answers": self._answers[key]} for key, request in self._requests.items()]
        text = orjson.dumps({"exchanges": exchanges}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        # Whoever reads it while it is written has the file of before.
        written = self._path.with_name(f"{self._path.name}.part")
        written.write_bytes(text)
        os.replace(written, self._path)


def remove_secrets(value: Any, secrets: Sequence[str] = ()) -> Any:
    """A JSON value without what looks like a key, and without the given secrets."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, _REMOVED)
        return _SECRETS.sub(_REMOVED, value)
    if isinstance(value, Mapping):
        return {name: remove_secrets(member, secrets) for name, member in value.items()}
    return [remove_secrets(item, secrets) for item in value] if isinstance(value, list) else value


def _message(answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"content": "".join(answer.content) or None, "finish_reason": answer.end.finish_reason}
    if answer.end.reasoning_tokens:
        message["reasoning_tokens"] = answer.end.reasoning_tokens
    if answer.calls:
        message["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": call.arguments} for call in answer.calls
        ]
    return message


class ReplayEngine:
    """Answers from cassettes, and refuses what none of them has."""

    def __init__(self, cassettes: Sequence[Cassette]) -> None:
        self._cassettes = cassettes

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        answer = self._recorded(request)
        if seconds := pace.duration(answer.length):
            await asyncio.sleep(seconds)
        return answer

    def _recorded(self, request: ParsedRequest) -> Answer:
        reasons = []
        for cassette in self._cassettes:
            try:
                return compose_answer(cassette(request.body), request)
            except UnknownRequestError as error:
                reasons.append(str(error))
        raise APIError("invalid_format", " ".join(reasons), param="messages")

    @asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        async with aclosing(stream_answer(self._recorded(request), pace)) as deltas:
            yield deltas

    async def stop(self) -> None:
        """It has no connections to close."""


class RecordingEngine:
    """Records what another engine answers. secrets: removed wherever they stand, besides what looks like a key"""

    def __init__(self, engine: Engine, cassette: Cassette, secrets: Sequence[str]) -> None:
        self._engine = engine
        self._cassette = cassette
        self._secrets = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        answer = await self._engine.answer(request, pace)
        self._cassette.record(request.body, answer, self._secrets)
        return answer

    @asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        async with self._engine.stream(request, pace) as deltas, aclosing(self._recorded(request, deltas)) as recorded:
            yield recorded

    async def _recorded(
        self, request: ParsedRequest, deltas: AsyncIterator[AnswerPart]
    ) -> AsyncGenerator[AnswerPart, None]:
        texts: list[str] = []
        calls: list[tuple[ToolCall, list[str]]] = []
        async for delta in deltas:
            if isinstance(delta, AnswerEnd):
                made = tuple(ToolCall(call.id, call.name, "".join(parts)) for call, parts in calls)
                self._cassette.record(request.body, Answer(tuple(texts), made, delta), self._secrets)
            elif delta.opens is not None:
                calls.append((delta.opens, [delta.text]))
            elif delta.call is not None:
                calls[delta.call][1].append(delta.text)
            else:
                texts.append(delta.text)
            yield delta

    async def stop(self) -> None:
        await self._engine.stop()
