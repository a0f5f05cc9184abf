"""The legal variations, by subject."""

from ..changes import VARIATIONS as ALL
from . import documents, headers, models, refusals, sse, tendencies, timing

__all__ = ["ALL", "documents", "headers", "models", "refusals", "sse", "tendencies", "timing"]
