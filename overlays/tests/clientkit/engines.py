"""Stand-ins for the engines that are too large for these tests: as much of Ray, Dask and Spark as examples call."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow
import pytest


@dataclass
class ActorPoolStrategy:
    size: int


@dataclass
class Dataset:
    """A dataset of Ray with one block. options: those of the last `map_batches`"""

    table: pyarrow.Table
    options: dict[str, Any] = field(default_factory=dict)

    def map_batches(self, fn: Any, *, fn_constructor_kwargs: dict[str, Any], **options: Any) -> Dataset:
        mapper = fn(**fn_constructor_kwargs)
        step = options.get("batch_size") or len(self.table)
        tables = [mapper(self.table.slice(start, step)) for start in range(0, len(self.table), step)]
        return Dataset(pyarrow.concat_tables(tables), {**options, "fn_constructor_kwargs": fn_constructor_kwargs})

    def write_parquet(self, path: str) -> None:
        assert not Path(path).is_absolute()


class Frame:
    """A DataFrame of Dask, and of Spark, with one partition."""

    def __init__(self, table: pyarrow.Table) -> None:
        self._table = table
        self._meta = table[:0]

    def map_partitions(self, func: Any, *, meta: Any) -> Any:
        mapped = func(self._table)
        assert mapped.schema == meta.schema
        return mapped

    def mapInPandas(self, func: Any, schema: str) -> Any:  # noqa: N802 - Spark's name
        (mapped,) = func(iter([self._table]))
        assert [each.split()[0] for each in schema.split(", ")] == mapped.column_names
        return mapped


def reviews(count: int = 6) -> pyarrow.Table:
    """A table for a template that names `review`."""
    return pyarrow.table({"review_id": map(str, range(count)), "review": [f"Review {each}." for each in range(count)]})


def install_ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `import ray` give a stand-in, whose files are all `reviews()`. Returns it."""
    ray, data = ModuleType("ray"), ModuleType("ray.data")
    for module, members in (
        (data, {"ActorPoolStrategy": ActorPoolStrategy, "read_parquet": lambda path: Dataset(reviews())}),
        (ray, {"data": data, "__version__": "2.60.0"}),
    ):
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return ray
