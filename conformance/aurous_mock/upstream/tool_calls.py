"""Reads tool calls of an upstream server, whole or in pieces, however it numbers them."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aurous_mock.generation.answer import Delta, ToolCall
from aurous_mock.upstream.answer_bounds import MOST_CALLS, OutputLimit
from aurous_mock.upstream.values import TextDecoder, UnexpectedResponse, as_arguments, as_list, as_object, whole


def read_entries(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a message or delta; the one of OpenAI's older `function_call` among them."""
    entries = [as_object(entry, "a tool call") for entry in as_list(message.get("tool_calls"), "tool_calls")]
    if message.get("function_call") is not None:
        entries.append({"index": "function_call", "function": message["function_call"]})
    return entries


class ToolCallReader:
    """The tool calls of one answer, numbered from 0 in the order in which they begin."""

    def __init__(self, limit: OutputLimit) -> None:
        self._limit = limit
        # Of each call, its id, and its arguments as far as they are decoded.
        self._ids: list[str | None] = []
        self._decoders: list[TextDecoder] = []
        self._by_index: dict[int | str, int] = {}
        # The ids of calls whose names are still to come, by their index.
        self._unnamed: dict[int | str | None, str] = {}

    @property
    def count(self) -> int:
        """How many calls have begun."""
        return len(self._ids)

    def read(self, entry: Mapping[str, Any]) -> Iterator[Delta]:
        """The deltas of one entry. Raises UnexpectedResponse."""
        function = as_object(entry.get("function") or {}, "the function of a tool call")
        number, opens = self._number(entry, function), None
        if number == self.count:
            if self._is_held(entry, function):
                return
            opens = self._begin(entry, function)
        text = self._decoders[number].feed(as_arguments(function.get("arguments")))
        text, count = self._limit.admit(text)
        if opens is not None or text:
            yield Delta(text, number, opens, tokens=count)

    def flush(self) -> Iterator[Delta]:
        """What is left at the end of the answer. Raises UnexpectedResponse for a call whose name did not come."""
        if self._unnamed:
            raise UnexpectedResponse("a tool call without a name")
        for number, decoder in enumerate(self._decoders):
            text, count = self._limit.admit(decoder.flush())
            if text:
                yield Delta(text, number, tokens=count)

    def _number(self, entry: Mapping[str, Any], function: Mapping[str, Any]) -> int:
        """Which call an entry continues; a new one's number is one more than the last one's."""
        index, call_id = _index(entry), entry.get("id")
        if index is not None:
            known = self._by_index.get(index)
            # Some servers give every call of an answer the same index; its id and name tell that it is another.
            is_other = known is not None and call_id and function.get("name") and call_id != self._ids[known]
            return self.count if known is None or is_other else known
        if call_id in self._ids and call_id is not None:
            return self._ids.index(call_id)
        if self.count and not call_id and not function.get("name"):
            return self.count - 1
        return self.count

    def _is_held(self, entry: Mapping[str, Any], function: Mapping[str, Any]) -> bool:
        """Whether an entry begins a call whose name is still to come; its id is kept until then."""
        index, call_id = _index(entry), entry.get("id")
        if function.get("name") or function.get("arguments"):
            return False
        if isinstance(call_id, str) and call_id:
            self._unnamed[index] = call_id
        return index in self._unnamed

    def _begin(self, entry: Mapping[str, Any], function: Mapping[str, Any]) -> ToolCall:
        if self.count == MOST_CALLS:
            raise UnexpectedResponse(f"more than {MOST_CALLS} tool calls")
        index, name = _index(entry), function.get("name")
        call_id = entry.get("id") or self._unnamed.pop(index, None)
        if not isinstance(name, str) or not name:
            raise UnexpectedResponse("a tool call without a name")
        if call_id is not None and not isinstance(call_id, str):
            raise UnexpectedResponse("a tool call with an id that is no string")
        if index is not None:
            self._by_index[index] = self.count
        self._ids.append(call_id)
        self._decoders.append(TextDecoder())
        return ToolCall(whole(call_id or "") or f"call_{uuid.uuid4().hex[:24]}", whole(name), "")


def _index(entry: Mapping[str, Any]) -> int | str | None:
    """By which a server numbers an entry; None for what cannot be one."""
    index = entry.get("index")
    return index if isinstance(index, int | str) and not isinstance(index, bool) else None
