"""Names that generated code reserves for itself, and the Python names of components, members and operations.

Components and operations with a reserved name are refused; members and parameters are renamed.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Container, Iterator
from contextlib import contextmanager
from keyword import kwlist

from openapi_python_client import strings
from openapi_python_client.strings import ClassName, PythonIdentifier, snake_case

from .spec import Spec
from .yaml_loader import Pointer

# What members and parameters cannot be called, since annotations and methods of the generated code say it.
# openapi-python-client's own list is all builtins, among them `type`, `object` and, from the site module, `credits`:
# names that users of the API know and that nothing here needs.
_RESERVED = {
    *kwlist,
    *(
        "bool",
        "bytes",
        "classmethod",
        "cls",
        "datetime",
        "dict",
        "float",
        "int",
        "list",
        "self",
        "str",
        "super",
        "uuid",
    ),
    *("additional_properties", "from_dict", "src_dict", "to_dict", "iter_pages", "aiter_pages"),
}
# What the modules of the generated package import or define, besides what the spec names.
RESERVED_CLASSES = {
    *dir(builtins),
    *("Any", "Callable", "Final", "Generic", "Literal", "Mapping", "MappingProxyType", "Self", "Sequence"),
    *("TYPE_CHECKING", "TypeAlias", "TypeVar", "Union", "StreamT", "Timeouts", "UNSET", "Unset", "JsonObject"),
    *("Operation", "Request", "Response", "ResponseForm", "FileInput", "EventFormat"),
    *("SyncCaller", "AsyncCaller", "SyncStreamer", "AsyncStreamer"),
    *("SyncEventCaller", "AsyncEventCaller", "SyncEventStream", "AsyncEventStream", "AsyncPages"),
    *("Resources", "AsyncResources", "ErrorCodeInfo", "Path"),
    *("ClientError", "EncodeError", "ParseError", "StatusError", "TransportError"),
}
# What resources.py and the modules of operations import besides classes.
RESERVED_MODULES = {
    "convert_class",
    "builtins",
    "cached_property",
    "comma_separated",
    "datetime",
    "merge_body",
    "replace",
    "require",
    "to_content",
    "to_form",
    "to_header",
    "to_headers",
    "to_multipart",
    "to_text",
    "uuid",
}
# Names inside the functions of an operation's module, and of the method that calls it.
RESERVED_PARAMETERS = {
    *RESERVED_MODULES,
    *(
        "self",
        "body",
        "client",
        "to_json",
        "to_query",
        "to_segment",
        "extra_headers",
        "extra_body",
        "timeout",
        "on_disconnect",
        "stream",
    ),
}


_OPERATION_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*([_.-][A-Za-z0-9]+)*")


@contextmanager
def identifier_rules() -> Iterator[None]:
    """Within it, openapi-python-client makes identifiers by our list."""
    theirs = strings.RESERVED_WORDS
    strings.RESERVED_WORDS = _RESERVED
    try:
        yield
    finally:
        strings.RESERVED_WORDS = theirs


def check(spec: Spec) -> list[tuple[Pointer, str]]:
    """Components and operations whose names cannot be kept."""
    with identifier_rules():
        return [*_impossible_components(spec), *_alike_members(spec), *_impossible_operations(spec)]


def module_name(operation_id: str) -> str:
    return str(PythonIdentifier(operation_id, "op_"))


def unique(name: str, prefix: str, reserved: Container[str]) -> str:
    """The name of a parameter, with a prefix if it is taken, and underscores if that is too."""
    if name in reserved:
        name = f"{prefix}_{name}"
    while name in reserved:
        name += "_"
    return name


def _impossible_components(spec: Spec) -> Iterator[tuple[Pointer, str]]:
    modules = {"aliases": "the names of unions"}
    for name in spec.schemas:
        pointer: Pointer = ("components", "schemas", name)
        wanted = ClassName(name, "")
        if wanted != name or not (name.isascii() and name.isidentifier()):
            hint = f"; {wanted} would be" if wanted.isidentifier() and wanted.isascii() else ""
            yield pointer, f"R1: {name!r} cannot be the name of a Python class{hint}"
        elif name in RESERVED_CLASSES:
            yield pointer, f"R1: the generated code has a {name} of its own; give the component another name"
        elif (module := snake_case(name)) in modules:
            yield pointer, f"R1: {name} would be written to the same file as {modules[module]}"
        else:
            modules[module] = name


def _alike_members(spec: Spec) -> Iterator[tuple[Pointer, str]]:
    for component, schema in spec.schemas.items():
        attributes: dict[str, str] = {}
        for name in schema.get("properties", {}) if isinstance(schema, dict) else ():
            other = attributes.setdefault(str(PythonIdentifier(name, "field_")), name)
            if other != name:
                pointer = ("components", "schemas", component, "properties", name)
                yield pointer, f"R1: {name!r} and {other!r} would be the same attribute of {component}"


def _impossible_operations(spec: Spec) -> Iterator[tuple[Pointer, str]]:
    modules: dict[str, str] = {}
    for pointer, operation in spec.operations():
        if "operationId" not in operation:
            yield pointer, "R1: an operation needs an operationId"
            continue
        name = operation["operationId"]
        module = module_name(name)
        if not _OPERATION_ID.fullmatch(name):
            yield (
                (*pointer, "operationId"),
                f"R1: {name!r} cannot be the name of an operation's module; begin with a letter, and go on with "
                "letters, digits, and single '_', '-' or '.'",
            )
        elif module in modules:
            yield (*pointer, "operationId"), f"R1: {name} would be written to the same file as {modules[module]}"
        modules[module] = name
