"""The PostgreSQL that tests start."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testkit.postgres import copy_programs, find_programs


def test_copied_programs_find_their_libraries(tmp_path: Path) -> None:
    programs = copy_programs(find_programs(), tmp_path)

    for name in ("initdb", "postgres"):
        assert subprocess.run([programs / name, "--version"], check=False).returncode == 0  # noqa: S603
