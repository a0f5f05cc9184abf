"""Calls the operations of natural_spec.yaml by `Aurous` on a mock server that answers by that spec alone.

    python use_natural_mock.py http://127.0.0.1:PORT

Runs beside the package generated from the spec; the committed package has no such methods.
"""

from __future__ import annotations

import datetime
import sys

import aurous_client
from aurous import Aurous
from aurous_client import models

assert "generated" not in str(aurous_client.__file__)
MOMENT = datetime.datetime(2026, 5, 15, 12, 30, tzinfo=datetime.UTC)

with Aurous("al_live_" + "0" * 64, base_url=sys.argv[1]) as client:
    assert isinstance(client.imaginary_pictures.output.retrieve("a", 1), bytes)
    assert isinstance(client.imaginary_notes.retrieve("n"), str)
    client.imaginary_notes.update("n", body="text")
    client.imaginary_notes.delete("n")
    with client.imaginary_exports.stream() as rows:
        assert all(isinstance(row, models.ExportImaginaryRowsItem) for row in rows)
    report = client.imaginary_reports.retrieve(after=MOMENT, fields=["a", "b"], x_since=MOMENT, x_page=2, x_tags=["x"])
    assert isinstance(report, models.ImaginaryReport)
    assert all(isinstance(file, models.ImaginaryFile) for file in client.imaginary_files.list())
    created = client.imaginary_files.create(
        file=b"\x00\xff", thumbnails=[b"one", b"two"], purpose="look", tags=["a"], expires=MOMENT
    )
    assert isinstance(created, models.ImaginaryFile)
    client.imaginary_files.content.update("f", body=b"\x00\xff")
    assert isinstance(client.imaginary_tokens.create(scope=["a", "b"], days=3).token, str)
    assert isinstance(client.imaginary_vectors.estimate(input="x").cost, float)
    assert isinstance(client.imaginary_vectors.create(input="x").cost, float)
    assert isinstance(client.imaginary_things.cancel("t"), models.ImaginaryDog)
print("all is well")
