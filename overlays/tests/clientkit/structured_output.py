"""One class in every supported kind, and completions with an answer to read as it, for tests of structured output."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, NotRequired, TypedDict

import attrs
import msgspec
import pydantic
from aurous_client.models import ChatCompletion


class Mood(Enum):
    GLAD = "glad"
    SAD = "sad"


@dataclass
class Home:
    """Where somebody lives."""

    city: str
    zip: str | None = None


@dataclass
class PersonDataclass:
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = field(default_factory=list)
    kind: Literal["person"] = "person"


@attrs.define
class PersonAttrs:
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = attrs.field(factory=list)
    kind: Literal["person"] = "person"


class PersonStruct(msgspec.Struct):
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = []
    kind: Literal["person"] = "person"


class PersonModel(pydantic.BaseModel):
    name: str = pydantic.Field(description="The full name.")
    age: int = pydantic.Field(ge=0)
    home: Home
    mood: Mood = Mood.GLAD
    tags: list[str] = []
    kind: Literal["person"] = "person"


class PersonDict(TypedDict):
    name: Annotated[str, msgspec.Meta(description="The full name.")]
    age: Annotated[int, msgspec.Meta(ge=0)]
    home: Home
    mood: NotRequired[Mood]
    tags: NotRequired[list[str]]
    kind: NotRequired[Literal["person"]]


KINDS = [PersonDataclass, PersonAttrs, PersonStruct, PersonModel, PersonDict]


ADA = {"name": "Ada", "age": 36, "home": {"city": "London", "zip": None}, "mood": "sad", "tags": ["a"]}


def completion(content: str | None, *, finish_reason: str = "stop", status: str = "completed", **message: Any) -> Any:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish_reason,
    }
    breakdown = {"input_credits": 0.1, "output_credits": 0.2, "model": "m", "pricing_version": 1}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "credits_charged": 0.3}
    return ChatCompletion.from_dict(
        {
            "id": "cmp_1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": {**usage, "breakdown": breakdown},
            "status": status,
        }
    )


MODEL = "aurous-grow-2.0-pro"


QUESTION = [{"role": "user", "content": "Invent somebody."}]


@dataclass
class FormatsInside:
    moment: datetime.datetime
    again: FormatsInside | None = None
