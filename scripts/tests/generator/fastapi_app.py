"""An app of FastAPI, whose OpenAPI document is natural phrasing by another hand."""

from __future__ import annotations

import datetime
import enum
import uuid
from typing import Annotated, Any, Literal

from fastapi import Body, Depends, FastAPI, File, Form, Header, Query, Response, UploadFile
from fastapi.responses import PlainTextResponse
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, Field

KEY = APIKeyHeader(name="X-Api-Key")
SERVER = {"url": "https://example.com"}
app = FastAPI(title="Pictures", version="1", servers=[SERVER], dependencies=[Depends(KEY)])


class Status(enum.StrEnum):
    PENDING = "pending"
    DONE = "done"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Cost(BaseModel):
    amount: float
    currency: Literal["credit"] = "credit"
    breakdown: dict[str, float] | None = None


class Picture(BaseModel):
    object: Literal["inference"] = "inference"
    id: str
    status: Status
    level: Level | None = None
    prompt: str = Field(min_length=1, max_length=4000)
    created_at: datetime.datetime
    day: datetime.date | None = None
    cost: Cost | None = None
    costs: list[Cost] | None = None
    metadata: dict[str, Any] = {}
    size: int | str | None = None
    owner: uuid.UUID | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool = True


class NewPicture(BaseModel):
    prompt: str
    animal: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    status: Status = Status.PENDING
    n: int = Field(1, ge=1, le=4)
    options: dict[str, int | str] | None = None


class Page(BaseModel):
    object: Literal["list"] = "list"
    data: list[Picture]
    has_more: bool
    next_cursor: str | None = None


class Problem(BaseModel):
    error: dict[str, Any]


ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": Problem}, "default": {"model": Problem}}
IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}, **ERRORS}


@app.post("/v1/pictures", operation_id="createPicture", tags=["pictures"], status_code=202, responses=ERRORS)
def create(body: NewPicture, idempotency_key: Annotated[str | None, Header()] = None) -> Picture:
    raise LookupError(body, idempotency_key)


@app.get("/v1/pictures", operation_id="listPictures", tags=["pictures"], responses=ERRORS)
def list_pictures(
    status: Annotated[list[Status] | None, Query()] = None,
    after: datetime.datetime | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    x_trace: Annotated[uuid.UUID | None, Header()] = None,
) -> Page:
    raise LookupError(status, after, limit, x_trace)


@app.patch("/v1/pictures/{id}", operation_id="updatePicture", tags=["pictures"], responses=ERRORS)
def update(id: str, body: Annotated[dict[str, Any], Body()]) -> Picture:  # noqa: A002
    raise LookupError(id, body)


@app.delete("/v1/pictures/{id}", operation_id="deletePicture", tags=["pictures"], status_code=204, responses=ERRORS)
def delete(id: str) -> None:  # noqa: A002
    raise LookupError(id)


@app.get(
    "/v1/pictures/{id}/output/{n}",
    operation_id="getOutput",
    tags=["pictures"],
    response_class=Response,
    responses=IMAGE,
)
def output(id: str, n: int) -> Response:  # noqa: A002
    raise LookupError(id, n)


@app.post("/v1/files", operation_id="uploadFile", tags=["files"], responses=ERRORS)
def upload(
    file: UploadFile, purpose: Annotated[str, Form()], extra: Annotated[list[UploadFile] | None, File()] = None
) -> dict[str, str]:
    raise LookupError(file, purpose, extra)


@app.post("/v1/tokens", operation_id="createToken", tags=["files"], responses=ERRORS)
def token(user: Annotated[str, Form()], scopes: Annotated[list[str] | None, Form()] = None) -> list[Cost]:
    raise LookupError(user, scopes)


@app.get("/v1/note", operation_id="getNote", tags=["files"], response_class=PlainTextResponse, responses=ERRORS)
def note() -> str:
    raise LookupError


@app.get("/v1/animal", operation_id="getAnimal", tags=["files"], responses=ERRORS)
def animal() -> Cat | Dog:
    raise LookupError
