"""The model that drivers ask for as a structured answer."""

from pydantic import BaseModel


class Person(BaseModel):
    name: str
    age: int
