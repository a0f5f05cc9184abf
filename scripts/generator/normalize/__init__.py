"""Rewrites a document into the phrasing that the parser understands, with a map back to the file.

source_map     a node of the normalized document -> its place in the file
draft          the document being rewritten, the faults, and how bodies and answers are encoded
component_names  components -> names of classes
operations     root security, `default` responses, parameters
webhooks       a component for the payload of each webhook
event_streams  event streams and JSON lines -> a component for what they consist of
media_types    bodies and other successes of every media type
all_of         allOf -> one schema
alternatives   nullable types, constants, lists of types
hoisting       inline objects and enums -> components
open_enums     enums that a server sends
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import (
    all_of,
    alternatives,
    component_names,
    event_streams,
    hoisting,
    media_types,
    open_enums,
    operations,
    webhooks,
)
from .draft import Answer, Body, Draft, Events, Format
from .event_streams import streams_only
from .media_types import is_stream

__all__ = ["Answer", "Body", "Draft", "Events", "Format", "is_stream", "normalize", "streams_only"]


def normalize(document: Mapping[str, Any]) -> Draft:
    """A valid document in the phrasing of the parser, with the faults that stand in the way."""
    draft = Draft.of(document)
    component_names.rename(draft)
    operations.copy_root_security(draft)
    operations.expand_default_responses(draft)
    operations.describe_parameters(draft)
    webhooks.name_payloads(draft)
    event_streams.sort_streams(draft)
    all_of.flatten(draft)
    media_types.sort_bodies(draft)
    media_types.sort_answers(draft)
    media_types.drop_unused_responses(draft)
    alternatives.rewrite(draft)
    hoisting.hoist(draft)
    open_enums.open_enums(draft)
    return draft
