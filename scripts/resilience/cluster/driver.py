"""Sends many rows with Ray Data, and writes a line of JSON for each: a process of its own.

python -m resilience.cluster.driver ADDRESS COUNT OUTPUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from aurous.integrations.ray import ChatMapper, complete

ACTORS: Final = 4
_ROWS_AT_ONCE: Final = 250
_TOKENS: Final = 8


def make_rows(table: dict[str, Any]) -> dict[str, Any]:
    """The requests of a table of numbers."""
    numbers = table["id"].tolist()
    return {
        "custom_id": [str(number) for number in numbers],
        "prompt": [f"Row {number}" for number in numbers],
        "max_tokens": [_TOKENS] * len(numbers),
    }


def main(address: str, count: int, output: Path) -> None:
    import ray  # type: ignore[import-not-found, unused-ignore]

    ray.init(address=address, log_to_driver=False)
    mapper = ChatMapper(job="cluster", model="aurous-grow-2.0-pro")
    rows = ray.data.range(count, override_num_blocks=max(count // _ROWS_AT_ONCE, ACTORS)).map_batches(make_rows)
    # Actors that wait for a server need hardly any of a CPU.
    answers = complete(rows, mapper, actors=ACTORS, batch_size=_ROWS_AT_ONCE, num_cpus=0.1)
    columns = ("custom_id", "aurous_idempotency_key", "aurous_credits", "aurous_replayed", "aurous_error_code")
    with output.open("w", encoding="utf-8", buffering=1) as file:
        for row in answers.select_columns(list(columns)).iter_rows():
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
