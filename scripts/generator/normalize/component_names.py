"""Gives components the names of classes: `Body_upload` becomes `BodyUpload`."""

from __future__ import annotations

import re
from typing import Any, Final

from .draft import Draft, class_name

_PREFIX: Final = "#/components/schemas/"
# Other names stay as they are, for the rules to refuse.
_CONVERTIBLE = re.compile(r"[A-Za-z][A-Za-z0-9]*([_.-][A-Za-z0-9]+)*")


def rename(draft: Draft) -> None:
    """Rename the components whose names only differ in style from those of classes, unless another has that name."""
    schemas = draft.components("schemas")
    names = {name: class_name(name) for name in schemas if _CONVERTIBLE.fullmatch(name)}
    renamed = {
        old: new for old, new in names.items() if new not in schemas and new.isidentifier() and not new.endswith("_")
    }
    if not renamed or len(set(renamed.values())) < len(renamed):
        return
    for old, new in renamed.items():
        draft.sources.move(("components", "schemas", new), ("components", "schemas", old))
    draft.document["components"]["schemas"] = {renamed.get(name, name): schema for name, schema in schemas.items()}
    _rename_references(draft.document, renamed)


def _rename_references(node: Any, renamed: dict[str, str]) -> None:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        _rename_references(child, renamed)
    if isinstance(node, dict):
        for key, value in node.items():
            name = value.removeprefix(_PREFIX) if isinstance(value, str) else ""
            if name != value and name in renamed:
                node[key] = _PREFIX + renamed[name]
