"""Reads the rows of tables and adds columns: dicts of columns, pandas DataFrames and pyarrow Tables.

None of these libraries is imported unless a table is one of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ..errors import ConfigurationError


def column_names(table: Any) -> list[str]:
    """The names of the columns. Raises TypeError for what is no table, ConfigurationError for names that repeat."""
    kind = _kind(table)
    names = list(table if kind == "dict" else table.columns if kind == "pandas" else table.column_names)
    if len(set(names)) < len(names):
        raise ConfigurationError(f"two columns of the table have one name: {', '.join(map(str, names))}")
    # pandas numbers columns that nobody has named.
    return [name for name in names if isinstance(name, str)]


def read_rows(table: Any) -> Iterator[dict[str, Any]]:
    """The rows as JSON has them, without the cells that are missing."""
    names = column_names(table)
    columns = [_cells(table, name) for name in names]
    if len({len(column) for column in columns}) > 1:
        raise ConfigurationError("the columns of the table have different lengths")
    for cells in zip(*columns, strict=True):
        row = {name: _plain(cell) for name, cell in zip(names, cells, strict=True)}
        yield {name: cell for name, cell in row.items() if cell is not None}


def with_columns(table: Any, columns: Mapping[str, tuple[str, list[Any]]]) -> Any:
    """A table of the same kind with further columns. columns: type and cells of each, by name"""
    kind = _kind(table)
    if kind == "pandas":
        pandas: Any = sys.modules["pandas"]
        added = {name: pandas.Series(cells, index=table.index, dtype=of) for name, (of, cells) in columns.items()}
        return table.assign(**added)
    if kind == "pyarrow":
        import pyarrow  # type: ignore[import-untyped]

        types = {"string": pyarrow.string(), "int64": pyarrow.int64(), "bool": pyarrow.bool_()}
        for name, (of, cells) in columns.items():
            table = table.append_column(name, pyarrow.array(cells, types[of]))
        return table
    numpy: Any = sys.modules.get("numpy")
    if numpy is None or not any(isinstance(column, numpy.ndarray) for column in table.values()):
        return {**table, **{name: cells for name, (_, cells) in columns.items()}}
    arrays = {name: numpy.array(cells, object if of == "string" else of) for name, (of, cells) in columns.items()}
    return {**table, **arrays}


def _kind(table: Any) -> str:
    if isinstance(table, Mapping):
        return "dict"
    library, name = type(table).__module__.partition(".")[0], type(table).__name__
    if (library, name) in (("pandas", "DataFrame"), ("pyarrow", "Table")):
        return library
    raise TypeError(f"expected a dict of columns, a pandas DataFrame or a pyarrow Table, not {name}")


def _cells(table: Any, name: str) -> list[Any]:
    column, kind = table[name], _kind(table)
    if kind == "pandas":
        # One way to say that a cell is missing, in place of those of pandas.
        return list(column.astype(object).where(column.notna(), None))
    if kind == "pyarrow":
        return list(column.to_pylist())
    to_list = getattr(column, "tolist", None)
    return list(to_list() if to_list is not None else column)


def _plain(cell: Any) -> Any:
    """A cell as JSON has it. Columns cannot leave out what a row lacks: None and NaN are left out of objects."""
    to_list = getattr(cell, "tolist", None)
    if to_list is not None:
        # An array, or a number, of numpy.
        cell = to_list()
    if isinstance(cell, Mapping):
        members = {name: _plain(member) for name, member in cell.items()}
        return {name: member for name, member in members.items() if member is not None}
    if isinstance(cell, (list, tuple)):
        return [_plain(each) for each in cell]
    if isinstance(cell, float) and cell != cell:
        return None
    return cell
