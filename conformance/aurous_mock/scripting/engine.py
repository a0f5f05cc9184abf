"""An engine that gives scripted answers, and asks another engine where there is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aurous_mock import log
from aurous_mock.errors import APIError
from aurous_mock.generation.answer import Answer, AnswerPart
from aurous_mock.generation.engine import Engine, Pace, stream_answer
from aurous_mock.generation.parsed_request import ParsedRequest
from aurous_mock.scripting import functions
from aurous_mock.scripting.cassettes import UnknownRequestError
from aurous_mock.scripting.scripted_answers import check_answer, compose_answer
from aurous_mock.scripting.scripts import Script, read_script
from aurous_mock.storage.store import Store

# A status that no client repeats, since the fault is the test's.
_BROKEN = "invalid_format"


class ScriptedEngine:
    """Scripts with a limit come first, in their order; then those without one, the newest first."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._engine = engine
        self._store = store

    async def answer(self, request: ParsedRequest, pace: Pace) -> Answer:
        answer = await self._scripted(request)
        if answer is None:
            return await self._engine.answer(request, pace)
        if seconds := pace.duration(answer.length):
            await asyncio.sleep(seconds)
        return answer

    @asynccontextmanager
    async def stream(self, request: ParsedRequest, pace: Pace) -> AsyncIterator[AsyncIterator[AnswerPart]]:
        answer = await self._scripted(request)
        source = self._engine.stream(request, pace) if answer is None else aclosing(stream_answer(answer, pace))
        async with source as deltas:
            yield deltas

    async def stop(self) -> None:
        await self._engine.stop()

    async def _scripted(self, request: ParsedRequest) -> Answer | None:
        if request.scripted_answer is not None:
            return compose_answer(request.scripted_answer, request)
        scripts = [(number, script) for number, text in request.scripts if (script := read_script(text)) is not None]
        limited = [entry for entry in scripts if entry[1].times is not None]
        unlimited = [entry for entry in reversed(scripts) if entry[1].times is None]
        for number, script in [*limited, *unlimited]:
            if script.is_met(request) and await _holds(script, request):
                answer = await self._next(number, script, request)
                if answer is not None:
                    return compose_answer(answer, request)
        return None

    async def _next(self, number: int, script: Script, request: ParsedRequest) -> Any:
        """The next answer of a script; None if it is used up or was removed."""
        earlier = await self._store.increment_script(number, script.text)
        if earlier is None or (script.times is not None and earlier >= script.times):
            return None
        if earlier + 1 == script.times:
            await self._store.remove_script(number)
        if script.function is not None:
            return await _call(script.function, request)
        return script.answer(earlier)


async def _holds(script: Script, request: ParsedRequest) -> bool:
    return script.condition is None or bool(await _run(script.condition, request, "condition"))


async def _call(name: str, request: ParsedRequest) -> Any:
    answer = await _run(name, request, "answer")
    try:
        check_answer(answer)
    except ValueError as error:
        raise APIError(_BROKEN, f"The function given as answer returned no answer: {error}.") from error
    return answer


async def _run(name: str, request: ParsedRequest, role: str) -> Any:
    function = functions.find(name)
    if function is None:
        raise APIError(_BROKEN, f"The function given as {role} is gone.")
    try:
        # In a thread: it is a test's, and may take its time.
        result, error = await asyncio.to_thread(_caught, function, dict(request.body))
        if error is not None:
            raise error
        return result
    except UnknownRequestError as error:
        raise APIError(_BROKEN, str(error), param="messages") from error
    except Exception as error:
        log.write_traceback(error)
        message = f"The function given as {role} raised {type(error).__name__}: {error}"
        raise APIError(_BROKEN, message) from error


def _caught(function: Callable[[Any], Any], body: dict[str, Any]) -> tuple[Any, Exception | None]:
    """What a function returns, or raises. Not left to the thread's future: that cannot raise StopIteration."""
    try:
        return function(body), None
    except Exception as error:
        return None, error
