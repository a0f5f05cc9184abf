"""What a variant is, and the registry of all variants of the mock.

A planted fault names the documented sentence that it breaks. A legal variation names the freedom that the
documentation, or HTTP, leaves to servers. Both are functions that alter one message, or a `Behaviour` where one message
is not enough.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, ClassVar, TypeVar

from mutants.messages import Frame, Request, Response


class ConnectionFault(StrEnum):
    """Ways of not answering at all."""

    HANG = "hang"
    DROP = "drop"


_B = TypeVar("_B", bound="Behaviour")
Replacement = Response | ConnectionFault | None
Frames = Iterable[Frame] | None


class Behaviour:
    """What one server does differently. One instance serves one server, so it may remember."""

    # Settings of the mock behind that differ from the defaults.
    settings: ClassVar[Mapping[str, Any]] = {}

    def request(self, request: Request) -> Replacement:
        """Alter a request before the mock sees it, or answer in its place."""
        return None

    def response(self, request: Request, response: Response) -> None:
        """Alter a response; of a stream, its head."""

    def frame(self, request: Request, frame: Frame) -> Frames:
        """Alter a frame, or send others in its place."""
        return None

    def bytes(self, data: bytes) -> Iterable[bytes]:
        """Alter what goes out on a connection; several pieces go out one by one."""
        return (data,)


class Kind(StrEnum):
    FAULT = "fault"
    VARIATION = "variation"


@dataclass(frozen=True)
class Variant:
    """One server that differs from a correct one."""

    id: str
    kind: Kind
    sentence: str
    page: str

    @property
    def module(self) -> str:
        """The module that defines the difference; empty if there is none."""
        return ""

    @property
    def local_name(self) -> str:
        """The name by which that module registers it."""
        return self.id


@dataclass(frozen=True)
class MockVariant(Variant):
    """The mock, with a behaviour in front of it."""

    make: Callable[[], Behaviour]

    @property
    def module(self) -> str:
        return self.make.__module__


VARIANTS: dict[str, MockVariant] = {}


class Registry:
    """Puts variants of one kind on the list; each method decorates what alters one sort of message."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def behaviour(self, name: str, sentence: str, page: str) -> Callable[[type[_B]], type[_B]]:
        def register(behaviour: type[_B]) -> type[_B]:
            self._add(name, sentence, page, behaviour)
            return behaviour

        return register

    def request(self, name: str, sentence: str, page: str) -> Callable[[Callable[[Request], Replacement]], None]:
        def register(alter: Callable[[Request], Replacement]) -> None:
            class Altering(Behaviour):
                __module__ = alter.__module__

                def request(self, request: Request) -> Replacement:
                    return alter(request)

            self._add(name, sentence, page, Altering)

        return register

    def response(self, name: str, sentence: str, page: str) -> Callable[[Callable[[Request, Response], None]], None]:
        def register(alter: Callable[[Request, Response], None]) -> None:
            class Altering(Behaviour):
                __module__ = alter.__module__

                def response(self, request: Request, response: Response) -> None:
                    alter(request, response)

            self._add(name, sentence, page, Altering)

        return register

    def completion(self, name: str, sentence: str, page: str) -> Callable[[Callable[[dict[str, Any]], None]], None]:
        """Alters every completion alike, created, replayed, retrieved or cancelled."""

        def register(alter: Callable[[dict[str, Any]], None]) -> None:
            @wraps(alter)
            def look(request: Request, response: Response) -> None:
                if response.completion is not None:
                    alter(response.completion)

            self.response(name, sentence, page)(look)

        return register

    def error(self, name: str, sentence: str, page: str) -> Callable[[Callable[[dict[str, Any]], None]], None]:
        """Alters the inside of every error envelope."""

        def register(alter: Callable[[dict[str, Any]], None]) -> None:
            @wraps(alter)
            def look(request: Request, response: Response) -> None:
                if response.error is not None:
                    alter(response.error)

            self.response(name, sentence, page)(look)

        return register

    def frame(self, name: str, sentence: str, page: str) -> Callable[[Callable[[Frame], Frames]], None]:
        def register(alter: Callable[[Frame], Frames]) -> None:
            class Altering(Behaviour):
                __module__ = alter.__module__

                def frame(self, request: Request, frame: Frame) -> Frames:
                    return alter(frame)

            self._add(name, sentence, page, Altering)

        return register

    def _add(self, name: str, sentence: str, page: str, make: Callable[[], Behaviour]) -> None:
        assert name not in VARIANTS, f"two variants are called {name}"
        VARIANTS[name] = MockVariant(name, self._kind, sentence, page, make)


fault = Registry(Kind.FAULT)
variation = Registry(Kind.VARIATION)
