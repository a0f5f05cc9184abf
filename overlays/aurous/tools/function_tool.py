"""Python functions as tools: the schema from signature and docstring, and the call from JSON arguments.

Page: api-reference/chat/tools.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from operator import attrgetter
from typing import Annotated, Any, Final, Generic, ParamSpec, Self, TypeVar, overload

from aurous_client.models import FunctionDefinition, Tool
from aurous_client.types import JsonObject

from ..errors import AurousError
from .json_schema import UnsupportedTypeError, explain, library, needs_pydantic, read, schema_for

P = ParamSpec("P")
R = TypeVar("R")

_SECTIONS: Final = re.compile(
    r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?|Warnings?|See Also):[ \t]*$", re.MULTILINE
)
_ARGUMENT: Final = re.compile(r"(\w+)[ \t]*(?:\(.*?\))?:[ \t]*(.*)")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# Of the fields with the arguments, whose names could be those of methods, or mean something to Python.
_PREFIX: Final = "argument_"
_UNRESOLVED: Final = (
    "the type of the parameter {} cannot be evaluated: {}; types are looked up in the module of the function: define or"
    " import them there, and not only for type checkers"
)
_INFINITE: Final = (float("inf"), float("-inf"))
# What models send in place of an empty object.
_NO_ARGUMENTS: Final = frozenset({"", "null"})


class ToolArgumentsError(AurousError, ValueError):
    """The model's arguments do not fit the function, which was not called. The message is meant for the model."""


class ToolResultError(AurousError, TypeError):
    """A function returned what cannot be sent to the model as text or JSON."""


class FunctionTool(Tool, Generic[P, R]):
    """A function that the model may call, made by `tool`. It is still the function, and also a `Tool` to send."""

    def __init__(self, function: Callable[P, R], *, name: str | None = None, description: str | None = None) -> None:
        tool_name = _check_name(name if name is not None else _name_of(function))
        parameters = _parameters(function)
        summary, documented = _docstring(function)
        try:
            arguments = _arguments_type(tool_name, parameters)
            schema = schema_for(arguments)
        except TypeError:
            _check_types(parameters)
            raise
        # The docstring of a class made here, not the user's.
        schema.pop("description", None)
        for parameter in parameters:
            text = _annotated_description(parameter.annotation) or documented.get(parameter.name)
            if text:
                schema["properties"][parameter.name].setdefault("description", text)
        definition = FunctionDefinition(name=tool_name, parameters=schema)
        if description or summary:
            definition.description = description or summary
        super().__init__(function=definition)
        # First, since it copies the attributes of an object, which may have names of those below.
        update_wrapper(self, function)
        self._arguments = arguments
        self._function = function
        self._positional = [each.name for each in parameters if each.kind is each.POSITIONAL_ONLY]
        self._keyword = [each.name for each in parameters if each.kind is not each.POSITIONAL_ONLY]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    @property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function, for which `arun_tools` is needed."""
        return any(map(inspect.iscoroutinefunction, (self._function, type(self._function).__call__)))

    def invoke(self, arguments: str) -> str:
        """Call the function with the JSON arguments of a tool call. Returns its result as text: JSON, unless it is str.

        Raises ToolArgumentsError before the function is called, what the function raises, ToolResultError for a result
        that cannot be sent, and TypeError for an async function.
        """
        if self.is_async:
            raise TypeError(f"{self.function.name} is async: use ainvoke")
        return self._as_text(self._call(arguments))

    async def ainvoke(self, arguments: str) -> str:
        """As `invoke`. A function that is not a coroutine function runs in a thread."""
        if self.is_async:
            pending: Any = self._call(arguments)
            return self._as_text(await pending)
        result = await asyncio.to_thread(self._invoke_caught, arguments)
        if isinstance(result, str):
            return result
        try:
            raise result
        finally:
            # Its traceback refers to this frame.
            del result

    def _invoke_caught(self, arguments: str) -> str | Exception:
        """As `invoke`, for a thread. A future cannot raise StopIteration, and takes CancelledError for its own."""
        try:
            return self.invoke(arguments)
        except Exception as error:
            return error

    def _call(self, arguments: str) -> Any:
        try:
            text = "{}" if arguments.strip() in _NO_ARGUMENTS else arguments
            values = read(text, self._arguments)
        except (ValueError, RecursionError) as error:
            raise ToolArgumentsError(f"the arguments do not fit: {explain(error)}") from error
        function: Callable[..., Any] = self._function
        positional = [getattr(values, f"{_PREFIX}{name}") for name in self._positional]
        return function(*positional, **{name: getattr(values, f"{_PREFIX}{name}") for name in self._keyword})

    def _as_text(self, result: object) -> str:
        try:
            text = result if isinstance(result, str) else _to_json(result)
            text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            reason = "text with half of a surrogate pair" if isinstance(error, UnicodeEncodeError) else str(error)
            raise ToolResultError(f"{self.function.name} returned what cannot be sent: {reason}") from error
        return text

    def __copy__(self) -> Self:
        return self._remake(self._function, self.function, {**self.additional_properties})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._remake(*copy.deepcopy((self._function, self.function, self.additional_properties), memo))

    @classmethod
    def _remake(
        cls, function: Callable[P, R], definition: FunctionDefinition, additional_properties: dict[str, Any]
    ) -> Self:
        tool = cls(function, name=definition.name)
        tool.function, tool.additional_properties = definition, additional_properties
        return tool

    def __reduce__(self) -> str | tuple[Any, ...]:
        name = getattr(self._function, "__qualname__", "")
        try:
            is_global = attrgetter(name)(sys.modules[self._function.__module__]) is self
        except (AttributeError, KeyError, TypeError):
            is_global = False
        # A decorated function is pickled by its name, as a function is: the name leads to the tool.
        return name if is_global else (self._remake, (self._function, self.function, self.additional_properties))


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
    where it is installed, pydantic models are converted both ways. A parameter is described by `Annotated[str, "..."]`,
    by pydantic's `Field` or by the docstring. The model is not offered the arguments that a `functools.partial` sets.

    Args:
        name: What the model calls it: up to 64 of A-Z, a-z, 0-9, _ and -. The function's name, if left out.
        description: What it is for; the docstring without its sections, if left out.

    Raises TypeError for a signature that has no schema, ValueError for a name that the API does not take, such as that
    of a lambda, and MissingLibraryError.
    """
    if function is None:
        return lambda function: FunctionTool(function, name=name, description=description)
    return FunctionTool(function, name=name, description=description)


def _to_json(result: object) -> str:
    msgspec, plain = library("msgspec"), _plain(result)
    encoded: bytes = msgspec.json.encode(plain, enc_hook=_encodable)
    # msgspec writes NaN and Infinity as null, too.
    if b"null" in encoded and _has_nan(msgspec.to_builtins(plain, str_keys=True, enc_hook=_in_builtins)):
        raise ValueError("NaN or Infinity, which JSON does not have")
    return encoded.decode()


def _in_builtins(value: Any) -> Any:
    """As `_encodable`, for what needs no look inside besides: JSON that is written already."""
    return None if isinstance(value, library("msgspec").Raw) else _encodable(value)


def _has_nan(value: Any) -> bool:
    """Whether a value of builtin types holds NaN or Infinity."""
    if isinstance(value, dict):
        return any(map(_has_nan, value.values()))
    return any(map(_has_nan, value)) if isinstance(value, (list, tuple)) else value != value or value in _INFINITE


def _plain(value: Any) -> Any:
    """The same value with the API's objects as dicts; msgspec would take them for the attrs classes that they are."""
    if isinstance(value, JsonObject):
        return value.to_dict()
    if type(value) is dict:
        return {name: _plain(member) for name, member in value.items()}
    return [*map(_plain, value)] if type(value) in (list, tuple, set, frozenset) else value


def _encodable(value: Any) -> Any:
    """What msgspec cannot encode, as something that it can."""
    if needs_pydantic(type(value)):
        return value.model_dump(mode="json")
    raise TypeError(f"an object of {type(value).__name__}, which JSON cannot hold")


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a tool, which is 1 to 64 of A-Z, a-z, 0-9, _ and -; "
            "set one by tool(name=...)"
        )
    return name


def _unwrap(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind a partial."""
    while isinstance(function, partial):
        function = function.func
    return function


def _name_of(function: Callable[..., Any]) -> str:
    function = _unwrap(function)
    return str(getattr(function, "__name__", type(function).__name__))


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters, with their types. Raises TypeError for what cannot be filled from a JSON object."""
    parameters = _evaluated(function)
    if isinstance(function, partial):
        parameters = [each for each in parameters if each.name not in function.keywords]
    for each in parameters:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD):
            raise TypeError(f"a tool takes no {each}: the model needs the name of each parameter")
        if each.annotation is each.empty:
            raise TypeError(f"the parameter {each.name} has no type to describe to the model")
    return parameters


def _evaluated(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters, with types that are written as text evaluated. Raises TypeError."""
    try:
        return [*inspect.signature(function, eval_str=True).parameters.values()]
    except Exception:
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError as error:
            raise TypeError(f"{function!r} has no signature to describe; make a tool of a function for it") from error
        # One by one: to name the one that fails, and because nobody needs the type of the result.
        inner = inspect.unwrap(_unwrap(function))
        module = sys.modules.get(getattr(inner, "__module__", None) or "")
        names = getattr(inner, "__globals__", None) or getattr(module, "__dict__", {})
        return [each.replace(annotation=_evaluate(each, names)) for each in parameters]


def _evaluate(parameter: inspect.Parameter, names: dict[str, Any]) -> Any:
    if not isinstance(parameter.annotation, str):
        return parameter.annotation
    try:
        return eval(parameter.annotation, names)  # noqa: S307 - as inspect.signature does
    except Exception as error:
        raise TypeError(_UNRESOLVED.format(parameter, error)) from error


def _check_types(parameters: Sequence[inspect.Parameter]) -> None:
    """Raise UnsupportedTypeError, with the parameter's name, if there is one whose type has no schema."""
    for each in parameters:
        try:
            schema_for(each.annotation)
        except UnsupportedTypeError as error:
            raise UnsupportedTypeError(f"the parameter {each.name}: {error}") from error


def _arguments_type(name: str, parameters: Sequence[inspect.Parameter]) -> Any:
    """A type with one field for each parameter, and no others."""
    if any(needs_pydantic(each.annotation) or needs_pydantic(each.default) for each in parameters):
        pydantic = library("pydantic")
        fields: Any = {
            f"{_PREFIX}{each.name}": (
                Annotated[each.annotation, pydantic.Field(alias=each.name)],
                ... if each.default is each.empty else each.default,
            )
            for each in parameters
        }
        return pydantic.create_model(name, __config__={"extra": "forbid"}, **fields)
    msgspec = library("msgspec")

    def field(parameter: inspect.Parameter) -> tuple[Any, ...]:
        # A factory, since msgspec refuses mutable defaults; Python shares them between calls.
        default = {} if parameter.default is parameter.empty else {"default_factory": lambda: parameter.default}
        return f"{_PREFIX}{parameter.name}", parameter.annotation, msgspec.field(name=parameter.name, **default)

    return msgspec.defstruct(name, map(field, parameters), kw_only=True, forbid_unknown_fields=True)


def _annotated_description(annotation: object) -> str | None:
    """The text of `Annotated[T, "..."]` or PEP 727's `Annotated[T, Doc("...")]`."""
    for each in getattr(annotation, "__metadata__", ()):
        text = getattr(each, "documentation", each)
        if isinstance(text, str):
            return text
    return None


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """A docstring's text without its sections, and the description of each argument."""
    function = _unwrap(function)
    # That of an instance is its class's, unless the method has one of its own.
    method = None if inspect.isroutine(function) else type(function).__call__
    text = (inspect.getdoc(method) if method is not None and method.__doc__ else None) or inspect.getdoc(function)
    summary, *sections = _SECTIONS.split(text or "")
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
