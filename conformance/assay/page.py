"""placeholder"""

from pathlib import Path
from typing import Any


def write(path: Path, found: dict[str, Any]) -> None:
    path.write_text("")
