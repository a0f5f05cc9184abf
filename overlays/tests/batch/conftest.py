"""Fixtures of the tests of batches."""

from __future__ import annotations

from pathlib import Path

import pytest
from clientkit.batches import prompts, write_lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a batch writes its output, which is its checkpoint."""
    return tmp_path / "answers.jsonl"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "prompts.jsonl", prompts(20))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"
