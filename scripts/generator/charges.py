"""Reads `x-charge`, which says where a response has its price, and checks that the price is there.

x-charge: {amount: usage.credits_charged}                                    a call costs what its response says
x-charge: {amount: usage.credits_charged, record_of: createThing}   the response repeats an earlier price
x-charge: {amount: cost, held_while: {status: [pending]}}   the amount is held at first; the record has what is charged
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .spec import Pointer, Spec

EXTENSION = "x-charge"
_NUMBERS = {"number", "integer"}


@dataclass(frozen=True)
class Charge:
    """What `x-charge` says. amount: the names of the members that lead to the number of credits

    held_while: the name of a member, and its values while the amount is held
    """

    amount: tuple[str, ...]
    is_record: bool
    held_while: tuple[str, tuple[str, ...]] | None


def charge_of(operation: Mapping[str, Any]) -> Charge | None:
    """The charge of an operation; None for a free one."""
    declared = operation.get(EXTENSION)
    if declared is None:
        return None
    held_while = next(((name, tuple(values)) for name, values in declared.get("held_while", {}).items()), None)
    return Charge(tuple(declared["amount"].split(".")), "record_of" in declared, held_while)


def check(spec: Spec) -> Iterator[tuple[Pointer, str]]:
    """Charges whose amount is not a number of every success, records of what is not charged, and holds without end."""
    yield from _holds(spec)
    charged = {
        operation["operationId"]
        for _, operation in spec.operations()
        if (charge := charge_of(operation)) is not None and not charge.is_record
    }
    for pointer, operation in spec.operations():
        charge = charge_of(operation)
        if charge is None:
            continue
        where = (*pointer, EXTENSION)
        written = operation[EXTENSION]["amount"]
        if not all(_leads_to_number(spec, schema, charge.amount) for schema in _successes(spec, pointer, operation)):
            yield (*where, "amount"), f"R14: {written} is not a number in every successful response"
        elif not _some_event_leads_to_number(spec, pointer, charge.amount):
            yield (*where, "amount"), f"R14: {written} is not a number in any event of the stream"
        original = operation[EXTENSION].get("record_of")
        if original is not None and original not in charged:
            yield (*where, "record_of"), f"R14: {original} is not an operation that is charged"
        if charge.is_record and not all(
            _has_member(spec, schema, "id") for schema in _successes(spec, pointer, operation)
        ):
            yield where, "R14: a record needs a member id, by which the charge is recognised"


def _holds(spec: Spec) -> Iterator[tuple[Pointer, str]]:
    """Holds by a member that no success has, and holds that no record ends."""
    declared = [(pointer, operation, charge_of(operation)) for pointer, operation in spec.operations()]
    held = {str(o["operationId"]): charge.held_while for _, o, charge in declared if charge and not charge.is_record}
    recorded = {operation[EXTENSION]["record_of"] for _, operation, charge in declared if charge and charge.is_record}
    for pointer, operation, charge in declared:
        if charge is None:
            continue
        where = (*pointer, EXTENSION)
        original = operation[EXTENSION].get("record_of")
        if original is not None and charge.held_while != held.get(original):
            yield where, f"R14: held_while must be that of {original}"
        if charge.held_while is None:
            continue
        member = charge.held_while[0]
        if not all(_has_member(spec, schema, member) for schema in _successes(spec, pointer, operation)):
            yield (*where, "held_while", member), f"R14: {member} is not a member of every successful response"
        if original is None and operation["operationId"] not in recorded:
            yield (*where, "held_while"), "R14: no operation has the record_of this one, so the charge is never known"


def _successes(spec: Spec, pointer: Pointer, operation: Mapping[str, Any]) -> Iterator[Any]:
    """The schemas of all successes but streams; an empty one for a success without a JSON body."""
    if spec.only_streams(pointer, operation):
        return
    for _, response in spec.successes(operation):
        yield response.get("content", {}).get("application/json", {}).get("schema", {})


def _some_event_leads_to_number(spec: Spec, pointer: Pointer, path: tuple[str, ...]) -> bool:
    """Whether the price can be in an event: one of them has it, and the others lack it."""
    events = spec.events(pointer)
    if events is None:
        return True
    schema = spec.schemas.get(events.component or "", {})
    return any(_leads_to_number(spec, alternative, path) for alternative in _alternatives(spec, schema))


def _leads_to_number(spec: Spec, schema: Any, path: tuple[str, ...]) -> bool:
    """Whether each alternative of a schema but null has a number at the end of a path of members."""
    alternatives = list(_alternatives(spec, schema))
    if not path:
        return bool(alternatives) and all(_is_number(alternative) for alternative in alternatives)
    return bool(alternatives) and all(
        path[0] in alternative.get("properties", {})
        and _leads_to_number(spec, alternative["properties"][path[0]], path[1:])
        for alternative in alternatives
    )


def _has_member(spec: Spec, schema: Any, name: str) -> bool:
    return all(name in alternative.get("properties", {}) for alternative in _alternatives(spec, schema))


def _alternatives(spec: Spec, schema: Any) -> Iterator[Mapping[str, Any]]:
    """The schemas that a value may have, unions resolved; null is left out."""
    schema = spec.follow(schema)
    branches = [*schema.get("oneOf", ()), *schema.get("anyOf", ())]
    for branch in branches:
        yield from _alternatives(spec, branch)
    if not branches and schema.get("type") != "null":
        yield schema


def _is_number(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    kinds = set(kind if isinstance(kind, list) else [kind]) - {"null"}
    return bool(kinds) and kinds <= _NUMBERS
