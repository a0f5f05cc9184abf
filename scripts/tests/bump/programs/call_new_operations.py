"""Calls the operations of a made-up next version on its mock.

    python call_new_operations.py http://127.0.0.1:PORT

Runs with the packages of the bumped tree.
"""

from __future__ import annotations

import datetime
import sys
from typing import Any

import aurous

KEY = "al_live_" + "0" * 64
MOMENT = datetime.datetime(2026, 5, 15, tzinfo=datetime.UTC)


def main(client: Any) -> None:
    uploads = client.imaginary_uploads
    first = uploads.create(file=b"\x89PNG", purpose="look", idempotency_key="one")
    assert uploads.create(file=b"\x89PNG", purpose="look", idempotency_key="one") == first
    [line] = client.ledger.by_model.values()
    assert (line.calls, line.replays, line.credits > 0) == (1, 1, True)
    page = uploads.list(limit=2, since=MOMENT, states=["waiting", "stored"])
    assert all(upload.created_at.tzinfo for upload in page.data)
    assert uploads.retrieve("upl_1").id
    assert uploads.update("upl_1", note="Ada").size >= 0
    assert uploads.cancel("upl_1").id
    assert uploads.delete("upl_1") is None
    assert isinstance(uploads.parts.retrieve("upl_1", 0), bytes)
    with uploads.events.stream("upl_1") as events:
        assert [event.type for event in events] == ["progress", "done"]
    with uploads.rows.stream() as rows:
        assert all(isinstance(row.amount, float) for row in rows)
    assert isinstance(uploads.estimate(input=[{"text": "Ada"}]).cost, float)
    assert isinstance(uploads.tokens.create(days=1), str)
    for call in (lambda: uploads.list(limit=101), lambda: uploads.create(file=b"", purpose="nothing")):
        try:
            call()
        except aurous.InvalidRequestError:
            continue
        raise AssertionError("the mock took a request that the spec forbids")
    assert aurous.models.ImaginaryUpload.from_dict({"id": "a", "size": 1, "created_at": "2026-05-15T00:00:00Z"}).size


with aurous.Aurous(KEY, base_url=sys.argv[1]) as client:
    main(client)
print("all is well")
