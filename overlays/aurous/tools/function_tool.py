"""A typed function as a tool: its schema, from signature and docstring, and its call, from JSON. Knows no client.

Page: api-reference/chat/tools.
"""

from __future__ import annotations

import asyncio
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from functools import update_wrapper
from typing import Any, Final, Generic, ParamSpec, TypeVar, overload

from aurous_client.encoding import encode
from aurous_client.models import FunctionDefinition, Tool

from ..errors import AurousError
from .json_schema import explain, library, needs_pydantic, read, schema_for

P = ParamSpec("P")
R = TypeVar("R")

_SECTIONS: Final = re.compile(
    r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?|Warnings?|See Also):[ \t]*$", re.MULTILINE
)
_ARGUMENT: Final = re.compile(r"(\w+)[ \t]*(?:\(.*?\))?:[ \t]*(.*)")


class ToolArgumentsError(AurousError, ValueError):
    """The model's arguments do not fit the function, which was not called. The message is meant for the model."""


class FunctionTool(Tool, Generic[P, R]):
    """A function that the model may call, made by `tool`. It is still the function, and also a `Tool` to send."""

    def __init__(self, function: Callable[P, R], *, name: str | None = None, description: str | None = None) -> None:
        parameters = _parameters(function)
        called = name or str(getattr(function, "__name__", type(function).__name__))
        summary, documented = _docstring(function)
        self._arguments = _arguments_type(called, parameters)
        schema = schema_for(self._arguments)
        # The docstring of a class made here would be none of the user's.
        schema.pop("description", None)
        for each in parameters:
            said = _annotated_description(each.annotation) or documented.get(each.name)
            if said:
                schema["properties"][each.name].setdefault("description", said)
        definition = FunctionDefinition(name=called, parameters=schema)
        if description or summary:
            definition.description = description or summary
        super().__init__(function=definition)
        self._function = function
        self._positional = [each.name for each in parameters if each.kind is each.POSITIONAL_ONLY]
        self._named = [each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY]
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function, for which `arun_tools` is needed."""
        return any(map(inspect.iscoroutinefunction, (self._function, type(self._function).__call__)))

    def invoke(self, arguments: str) -> str:
        """What the function returns for the JSON arguments of a call, as text: JSON, unless it is text already.

        Raises ToolArgumentsError before the function is called, what it raises, and TypeError for an async function or
        a result that JSON cannot hold.
        """
        if self.is_async:
            raise TypeError(f"{self.function.name} is async: use ainvoke")
        return _as_text(self._call(arguments))

    async def ainvoke(self, arguments: str) -> str:
        """As `invoke`. A function that is no coroutine function runs in a thread."""
        if self.is_async:
            pending: Any = self._call(arguments)
            return _as_text(await pending)
        return await asyncio.to_thread(self.invoke, arguments)

    def _call(self, arguments: str) -> Any:
        try:
            # Some models send nothing at all for a function without parameters.
            given = read(arguments or "{}", self._arguments)
        except (ValueError, RecursionError) as error:
            raise ToolArgumentsError(f"the arguments do not fit: {explain(error)}") from error
        function: Callable[..., Any] = self._function
        return function(
            *(getattr(given, name) for name in self._positional), **{name: getattr(given, name) for name in self._named}
        )


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *, name: str | None = None, description: str | None = None
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(
    function: Callable[..., Any] | None = None, /, *, name: str | None = None, description: str | None = None
) -> Any:
    """Make a tool of a function, plain or `async`; as a decorator, with or without arguments.

        @tool
        def weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> Weather:
            \"\"\"The weather of today.

            Args:
                city: Its English name.
            \"\"\"

    Every parameter has a type; one with a default may be left out. Enums, dataclasses, attrs classes, TypedDicts and,
    where it is installed, pydantic models are converted both ways. A parameter is described by `Annotated[str, "..."]`
    or by the docstring.

    Args:
        name: What the model calls it; the function's name, if left out.
        description: What it is for; the docstring without its sections, if left out.

    Raises TypeError for a signature that has no schema, and MissingLibraryError.
    """
    if function is None:
        return lambda function: FunctionTool(function, name=name, description=description)
    return FunctionTool(function, name=name, description=description)


def _as_text(result: object) -> str:
    if isinstance(result, str):
        return result
    # msgspec would write a model of the API as the attrs class that it is, not as its JSON.
    encoded: bytes = library("msgspec").json.encode(encode(result), enc_hook=_encodable)
    return encoded.decode()


def _encodable(value: Any) -> Any:
    """What msgspec does not know, as something that it does."""
    if needs_pydantic(type(value)):
        return value.model_dump(mode="json")
    raise TypeError(f"a tool returned an object of {type(value).__name__}, which JSON cannot hold")


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters, with their types. Raises TypeError for what cannot be filled from a JSON object."""
    parameters = [*inspect.signature(function, eval_str=True).parameters.values()]
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise TypeError(f"a tool takes no {each}: the model needs to know each parameter by name")
        if each.annotation is each.empty:
            raise TypeError(f"the parameter {each.name} has no type, so the model cannot be told of one")
    return parameters


def _arguments_type(name: str, parameters: Sequence[inspect.Parameter]) -> Any:
    """A type with one field for each parameter, that takes nothing else."""
    if any(needs_pydantic(each.annotation) for each in parameters):
        fields: Any = {
            each.name: (each.annotation, ... if each.default is each.empty else each.default) for each in parameters
        }
        return library("pydantic").create_model(name, __config__={"extra": "forbid"}, **fields)
    msgspec = library("msgspec")

    def field(parameter: inspect.Parameter) -> tuple[Any, ...]:
        if parameter.default is parameter.empty:
            return parameter.name, parameter.annotation
        # A factory, since msgspec refuses defaults that could be changed; Python shares them between calls.
        return parameter.name, parameter.annotation, msgspec.field(default_factory=lambda: parameter.default)

    return msgspec.defstruct(name, map(field, parameters), kw_only=True, forbid_unknown_fields=True)


def _annotated_description(annotation: object) -> str | None:
    """What `Annotated[T, "..."]` or PEP 727's `Annotated[T, Doc("...")]` says of a parameter."""
    for each in getattr(annotation, "__metadata__", ()):
        said = getattr(each, "documentation", each)
        if isinstance(said, str):
            return said
    return None


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """A docstring's text without its sections, and what its section of arguments says of each."""
    summary, *sections = _SECTIONS.split(inspect.getdoc(function) or "")
    described: dict[str, str] = {}
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        if title not in ("Args", "Arguments", "Parameters"):
            continue
        name = ""
        for line in textwrap.dedent(body).splitlines():
            if entry := _ARGUMENT.fullmatch(line):
                name = entry[1]
                described[name] = entry[2]
            elif name and line.startswith(" "):
                described[name] = f"{described[name]} {line.strip()}".strip()
    return summary.strip(), described
