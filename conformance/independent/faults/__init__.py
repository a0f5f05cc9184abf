"""The planted faults, by subject."""

from ..changes import FAULTS as ALL
from . import (
    access,
    answers,
    bounds,
    combinations,
    documents,
    envelopes,
    frames,
    headers,
    key_bodies,
    key_streams,
    keys,
    ledger,
    models,
    records,
    stream_answers,
)

__all__ = [
    "ALL",
    "access",
    "answers",
    "bounds",
    "combinations",
    "documents",
    "envelopes",
    "frames",
    "headers",
    "key_bodies",
    "key_streams",
    "keys",
    "ledger",
    "models",
    "records",
    "stream_answers",
]
