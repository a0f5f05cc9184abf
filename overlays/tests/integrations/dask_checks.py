"""DataFrames of pandas, mapped by Dask as its users do, and in the form that Spark's `mapInPandas` has.

Run by `nox -s cluster`: Dask and pandas are too large for the development dependencies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aurous.integrations import ChatMapper
from aurous.integrations.worker import WORKERS
from aurous_mock.server.launcher import Mock
from testkit.responses import KEY, MODEL


@pytest.fixture
def mapper(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatMapper]:
    monkeypatch.setenv("AUROUS_API_KEY", KEY)
    yield ChatMapper(job="test", model=MODEL, base_url=mock.url, id_column="row", template="Say {word}.")
    WORKERS.close_all()


@pytest.fixture
def frame() -> Any:
    """30 rows, the last of which has no word."""
    import pandas

    words = [*(f"word {number}" for number in range(29)), None]
    return pandas.DataFrame({"row": range(30), "word": words, "other": [0.5] * 30}, index=range(100, 130))


def test_partitions_of_dask_are_charged_once_though_they_are_computed_twice(
    mapper: ChatMapper, frame: Any, mock: Mock
) -> None:
    from dask import dataframe

    partitions = dataframe.from_pandas(frame, npartitions=4)
    answers = partitions.map_partitions(mapper, meta=mapper(partitions._meta))  # noqa: SLF001 - as users of Dask do
    assert len(mock.ledger()) == 0
    first, again = answers.compute(scheduler="threads"), answers.compute(scheduler="synchronous")
    assert list(first.index) == list(frame.index)
    assert first["row"].tolist() == frame["row"].tolist()
    assert first["aurous_text"].tolist()[:29] == again["aurous_text"].tolist()[:29]
    assert first["aurous_text"].notna().tolist() == [True] * 29 + [False]
    assert first["aurous_error_code"].tolist()[29] == "invalid_line"
    assert (first["aurous_replayed"].sum(), again["aurous_replayed"].sum()) == (0, 29)
    assert len(mock.ledger()) == 29
    assert dict(first.dtypes) == dict(answers.dtypes)


def test_frames_of_spark_are_an_iterator(mapper: ChatMapper, frame: Any, mock: Mock) -> None:
    mapped = list(mapper(iter([frame[:2], frame[2:5]])))
    assert [list(each["row"]) for each in mapped] == [[0, 1], [2, 3, 4]]
    assert [str(mapped[0][name].dtype) for name in ("aurous_text", "aurous_prompt_tokens", "aurous_replayed")] == [
        "string",
        "int64",
        "bool",
    ]
    assert len(mock.ledger()) == 5


def test_cells_that_pandas_says_are_missing_are_left_out(mapper: ChatMapper, mock: Mock) -> None:
    import pandas

    plain = ChatMapper(job="test", base_url=mapper.base_url)
    columns = {"prompt": ["a", "b"], "model": [MODEL, pandas.NA], "max_tokens": [4, float("nan")]}
    mapped = plain(pandas.DataFrame({**columns, "seed": [pandas.NaT, 1]}))
    assert mapped["aurous_error_code"].isna().tolist() == [True, False]
    assert "names no model" in mapped["aurous_error_message"][1]
