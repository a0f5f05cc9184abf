"""Fixtures of the tests of batches."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a batch writes its output, which is its checkpoint."""
    return tmp_path / "answers.jsonl"
