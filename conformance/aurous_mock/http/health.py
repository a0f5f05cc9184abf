"""`GET /healthz`, for load balancers: needs no key, and does not depend on the upstream server."""

import orjson
from starlette.responses import Response

from aurous_mock.storage.store import Store, StoreUnavailable

PATH = "/healthz"


async def health(store: Store) -> Response:
    """200 while this server can answer; 503 while its state is unavailable."""
    try:
        await store.key("", "")
    except StoreUnavailable:
        return _response("unavailable", 503)
    return _response("ok", 200)


def _response(status: str, code: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps({"status": status}), code, headers, "application/json")
