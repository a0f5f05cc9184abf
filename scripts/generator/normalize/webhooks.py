"""Gives the payloads of webhooks a class; the client sends and receives no webhook."""

from __future__ import annotations

from typing import Any

from ..schemas import METHODS
from ..yaml_loader import Pointer
from .draft import Draft, class_name


def name_payloads(draft: Draft) -> None:
    """Make a component of the payload of each webhook, so that it gets a class."""
    schemas = draft.components("schemas")
    for name, item in draft.document.pop("webhooks", {}).items():
        for method, operation in item.items():
            where: Pointer = ("webhooks", name, method)
            body = draft.follow(operation.get("requestBody", {})) if method in METHODS else {}
            media: dict[str, Any] = next(iter(body.get("content", {}).values()), {})
            if "schema" not in media:
                continue
            payload = class_name(name, "webhook")
            if "$ref" in media["schema"] or payload in schemas:
                draft.payloads.append(str(media["schema"].get("$ref", payload)).rsplit("/", 1)[-1])
                continue
            schemas[payload] = media["schema"]
            draft.payloads.append(payload)
            kind = next(iter(body["content"]))
            place: Pointer = ("components", "schemas", payload)
            draft.sources.move(place, (*where, "requestBody", "content", kind, "schema"))
