"""Makes values that fit a JSON Schema, through JSF; refuses to fetch, to evaluate and to search for long.

JSF builds values, but it follows remote references, evaluates `$provider` expressions and takes any size it is told, so
it is only ever shown a schema that `narrowing` rebuilt from harmless keywords. What it makes is validated against the
schema that was asked for, and other dice are tried before giving up.
"""

import functools
import random
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
import orjson

from aurous_mock.generation.schema_narrowing import Narrower, NoValue, unpin
from aurous_mock.generation.schema_references import unroll

__all__ = ["NoValue", "value"]

_ATTEMPTS = 8


def value(schema: Mapping[str, Any], rng: random.Random) -> Any:
    """A value that is valid under `schema`, the same for the same schema and dice; `NoValue` if none was found."""
    return orjson.loads(_value(orjson.dumps(schema), rng.getrandbits(64)))


@functools.lru_cache(maxsize=512)
def _value(raw: bytes, seed: int) -> bytes:
    schema = orjson.loads(raw)
    try:
        validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise NoValue(f"it is not a usable JSON Schema: {str(error).splitlines()[0]}") from error
    for dice, candidate in enumerate(_candidates(schema)):
        rng = random.Random(seed + dice)
        made = _generate(Narrower(rng).narrow(candidate), rng.getrandbits(32))
        if made is not None and validator.is_valid(made[0]):
            return orjson.dumps(made[0])
    raise NoValue("no value that fits it was found")


def _candidates(schema: Mapping[str, Any]) -> Iterator[Any]:
    unrolled = unroll(schema)
    yield from (unrolled for _ in range(_ATTEMPTS))
    try:
        # The canonical form has its allOf merged and its conditions written out, at the price of its order.
        canonical = jsonschema_rs.canonicalize(unrolled, offline=True).to_json_schema()
    except ValueError:
        return
    yield from (canonical for _ in range(_ATTEMPTS))


def _generate(narrowed: Any, seed: int) -> tuple[Any] | None:
    if not isinstance(narrowed, Mapping):
        return None
    # Imported here: most servers are never sent a schema, and JSF takes longer to import than the rest of the mock.
    import faker
    import jsf  # type: ignore[import-untyped]

    # JSF draws from the process's own dice: load them, and leave them as they were found.
    before = random.getstate()
    random.seed(seed)
    faker.Faker.seed(seed)
    try:
        maker = jsf.JSF(dict(narrowed))
        # JSF copies what its `$state` expressions may read, which no narrowed schema has; Python 3.14 cannot copy this.
        maker.base_state.pop("__counter__", None)
        return (unpin(maker.generate()),)
    except Exception:
        # Whatever JSF cannot do, it says by failing somewhere inside, in any way; other dice may do better.
        return None
    finally:
        random.setstate(before)
