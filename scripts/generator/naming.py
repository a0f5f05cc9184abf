"""Owns which names of the spec keep their spelling in Python. Knows nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from keyword import kwlist

from openapi_python_client import strings

# What generated code itself says. openapi-python-client's own list is all builtins, among them `type`, `object` and,
# from the site module, `credits`: names that users of the API know and that nothing here needs.
_RESERVED = {
    *kwlist,
    *("Any", "Literal", "Mapping", "None", "Self", "Sequence", "UNSET", "Unset"),
    *("bool", "bytes", "classmethod", "cls", "date", "datetime", "dict", "float", "int", "list", "self", "set", "str"),
    *("super", "tuple", "uuid"),
    *("additional_properties", "from_dict", "to_dict"),
}


@contextmanager
def spelling() -> Iterator[None]:
    """Within it, openapi-python-client makes identifiers by our list."""
    theirs = strings.RESERVED_WORDS
    strings.RESERVED_WORDS = _RESERVED
    try:
        yield
    finally:
        strings.RESERVED_WORDS = theirs
