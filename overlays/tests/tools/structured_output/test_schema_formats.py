"""Dates, times, bytes and other formats in the schema of a class, and in the answer read as it."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import msgspec
from aurous import Aurous
from aurous.testing import AurousMock
from aurous.tools.json_schema import schema_for
from aurous.tools.structured_output import (
    parsed,
    response_format_for,
)
from clientkit.request_members import named
from clientkit.structured_output import MODEL, FormatsInside


@dataclass
class Formats:
    moment: datetime.datetime
    day: datetime.date
    hour: datetime.time
    length: datetime.timedelta
    price: Decimal
    raw: bytes
    key: UUID
    perhaps: datetime.datetime | None
    hours: list[datetime.time]
    by_name: dict[str, bytes]
    pair: tuple[int, datetime.datetime]
    described: Annotated[datetime.datetime, msgspec.Meta(description="When.")]
    inner: FormatsInside | None
    several: bytes | int | None = None


def test_dataclasses_describe_the_formats_of_their_fields() -> None:
    schema = schema_for(Formats)
    fields = schema["properties"]
    assert {name: fields[name].get("format") for name in ("moment", "day", "hour", "length", "key", "described")} == {
        "moment": "date-time",
        "day": "date",
        "hour": "time",
        "length": "duration",
        "key": "uuid",
        "described": "date-time",
    }
    assert fields["described"]["description"] == "When."
    base64 = fields["raw"]["pattern"]
    assert re.fullmatch(base64, "aGVsbG8=")
    assert not re.fullmatch(base64, "hello!")
    assert "format" not in fields["price"]
    assert re.fullmatch(fields["price"]["pattern"], "-12.50")
    assert not re.fullmatch(fields["price"]["pattern"], "twelve")
    assert fields["perhaps"] == {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    assert fields["hours"]["items"]["format"] == "time"
    assert fields["by_name"]["additionalProperties"]["pattern"] == base64
    assert [item.get("format") for item in fields["pair"]["prefixItems"]] == [None, "date-time"]
    assert fields["several"]["anyOf"][0]["pattern"] == base64
    assert schema["$defs"]["FormatsInside"]["properties"]["moment"]["format"] == "date-time"


def test_answers_with_formats_can_be_read(aurous_mock: AurousMock) -> None:
    with Aurous() as client:
        for number in range(10):
            answer = client.chat.completions.create(
                model=MODEL,
                messages=[{"role": "user", "content": f"Invent number {number}."}],
                response_format=response_format_for(Formats),
                **named(max_tokens=2000),
            )
            assert isinstance(parsed(answer, Formats).moment, datetime.datetime)


class Tagged(msgspec.Struct, tag=True):
    when: datetime.datetime


class OtherTagged(msgspec.Struct, tag=True):
    hour: datetime.time


def test_formats_within_a_union_of_structs() -> None:
    definitions = schema_for(Tagged | OtherTagged)["$defs"]
    assert definitions["Tagged"]["properties"]["when"]["format"] == "date-time"
    assert definitions["OtherTagged"]["properties"]["hour"]["format"] == "time"
