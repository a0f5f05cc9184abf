"""Seams: the places at which a planted fault or a legal variation changes what the server does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .chat_request import ChatRequest
from .completions import Completion
from .fake_model import Answer
from .messages import Call, Response
from .streams import Frame, Stream


@dataclass
class Seams:
    """Functions that are called while a request is handled, in the order in which they were added.

    `call`: after the body was read, before it is checked. `request`: before the model sees the request.
    `answer`: the answer of the model. `document`: a completion about to be sent or stored. `frames`: the
    frames of a stream. `response`: any response, complete with its headers.
    """

    call: list[Callable[[Call], None]] = field(default_factory=list)
    request: list[Callable[[Call, ChatRequest], None]] = field(default_factory=list)
    answer: list[Callable[[Call, ChatRequest, Answer], None]] = field(default_factory=list)
    document: list[Callable[[Call, Completion, dict[str, Any]], None]] = field(default_factory=list)
    frames: list[Callable[[Stream, Iterator[Frame]], Iterator[Frame]]] = field(default_factory=list)
    response: list[Callable[[Call, Response], None]] = field(default_factory=list)


def around(target: object, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a method of one object: the decorated function receives the original before the arguments."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        setattr(target, name, functools.partial(function, getattr(target, name)))
        return function

    return decorate
