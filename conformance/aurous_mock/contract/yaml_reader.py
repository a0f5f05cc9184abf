"""Reads YAML files by the rules of YAML 1.2, in which `off`, `NO` and `12:30:00` are strings and `012` is twelve."""

import re
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

__all__ = ["YAMLError", "parse_yaml", "read_yaml"]

# The parser in C has no bound on nesting, and exhausts the stack of the process.
_MOST_BRACKETS: Final = 5000
_NESTED_ON_ONE_LINE: Final = re.compile(rb"(?:[-?:][ \t]+){500}")


def read_yaml(path: Path) -> Any:
    """The document in a file. Raises YAMLError, or OSError if the file cannot be read."""
    return parse_yaml(path.read_bytes())


def parse_yaml(raw: bytes) -> Any:
    """The document in the bytes of a file. Raises YAMLError."""
    may_be_deep = raw.count(b"[") + raw.count(b"{") > _MOST_BRACKETS or _NESTED_ON_ONE_LINE.search(raw) is not None
    try:
        return YAML(typ="safe", pure=may_be_deep).load(raw)
    except (ValueError, RecursionError) as error:
        raise YAMLError("it is nested too deeply, or has a value that Python cannot hold") from error
