"""Places of the small spec, and what is wrong with it after a change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import small_specs
from generator import lint
from generator.spec import Spec
from generator.yaml_loader import SpecError
from small_specs import ref

SCHEMAS = "components schemas"
THING = f"{SCHEMAS} Thing properties"
CREATE = "paths /v1/things post"
CONTENT = f"{CREATE} responses 200 content"
LIST = "paths /v1/things get"
KEY = f"{CREATE} parameters 0"
OBJECT = {"type": "object", "properties": {}}
ANY_JSON = {"schema": ref("Thing")}
GET = "paths /v1/things/{id} get"
RECORDS = "paths /v1/records get"
PAGING = {"items": "data", "cursor": "next", "parameter": "after"}
HELD = {"amount": "amount", "held_while": {"mood": ["sad"]}}


def faults(tmp_path: Path, changes: Mapping[str, Any]) -> list[str]:
    spec = Spec(small_specs.write(tmp_path / "small.yaml", small_specs.document(at=changes)))
    try:
        spec.validate()
        spec.normalize()
        lint.check(spec)
    except SpecError as error:
        return list(error.faults)
    return []
