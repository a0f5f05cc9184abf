"""Rewrites a document into the phrasing that the parser understands, with a map back to the file.

source_map     a node of the normalized document -> its place in the file
draft          the document being rewritten, the faults, and how bodies and answers are encoded
component_names  components -> names of classes
operations     root security, `default` responses, parameters, webhooks
media_types    bodies and successes of every media type
all_of         allOf -> one schema
alternatives   nullable types, constants, lists of types
hoisting       inline objects and enums -> components
open_enums     enums that a server sends
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import all_of, alternatives, component_names, hoisting, media_types, open_enums, operations
from .draft import Answer, Body, Draft, Format

__all__ = ["Answer", "Body", "Draft", "Format", "normalize"]


def normalize(document: Mapping[str, Any]) -> Draft:
    """A valid document in the phrasing of the parser, with the faults that stand in the way."""
    draft = Draft.of(document)
    component_names.rename(draft)
    operations.copy_root_security(draft)
    operations.expand_default_responses(draft)
    operations.describe_parameters(draft)
    operations.name_webhook_payloads(draft)
    all_of.flatten(draft)
    media_types.sort_bodies(draft)
    media_types.sort_answers(draft)
    media_types.drop_unused_responses(draft)
    alternatives.rewrite(draft)
    hoisting.hoist(draft)
    open_enums.open_enums(draft)
    return draft
