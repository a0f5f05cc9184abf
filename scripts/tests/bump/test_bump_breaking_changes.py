"""A version with 25 realistic changes is released with a few lines edited by hand."""

from __future__ import annotations

import pytest
from next_version import ADDITIONS, BREAKING
from realistic_version import RealisticVersion

pytestmark = pytest.mark.slow

# Where the client uses a member that was renamed or removed.
EDITS = [
    ("overlays/aurous/cli/chat.py", "max_tokens=flags.max_tokens", "max_output_tokens=flags.max_tokens"),
    ("overlays/aurous/cli/commands.py", '", never charged" if current.billing_mode == "exempt" else ""', '""'),
    ("overlays/aurous/cli/commands.py", "current.available_credits", "current.spendable_credits"),
    ("overlays/aurous/telemetry.py", '"max_tokens": ', '"max_output_tokens": '),
    ("overlays/aurous/tools/structured_output.py", "strict=strict,", "is_strict=strict,"),
]
MAX_EDITS = 5


class TestVersionThatBreaks(RealisticVersion):
    changes = (*ADDITIONS, *BREAKING)
    edits = EDITS


def test_rehearsed_version_has_twenty_changes_and_few_edits_by_hand() -> None:
    assert len(TestVersionThatBreaks.changes) >= 20
    assert len(EDITS) <= MAX_EDITS
