"""Cross-origin requests of programs in browsers, from the origins that are allowed."""

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What a program may read besides the body; others are hidden from it.
_EXPOSED: Final = (
    "Aurous-Request-Id", "Aurous-Version", "Aurous-Idempotency-Status", "Aurous-Idempotent-Replayed", "Retry-After",
    "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
    "X-RateLimit-TPM-Limit", "X-RateLimit-TPM-Remaining", "X-RateLimit-TPM-Reset",
)  # fmt: skip


def with_cors(application: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application with preflights and headers for these origins; `*` stands for all. Keys are sent in headers, and
    never by the browser on its own, so no page can use a key of its visitor."""
    if not origins:
        return application
    return CORSMiddleware(
        application,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        allow_private_network=True,
    )
