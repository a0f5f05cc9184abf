"""A version that only adds is released without an edit by hand."""

from __future__ import annotations

import pytest
from next_version import ADDITIONS
from realistic_version import RealisticVersion

pytestmark = pytest.mark.slow


class TestVersionThatOnlyAdds(RealisticVersion):
    changes = ADDITIONS
