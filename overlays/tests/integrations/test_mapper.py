"""Tables mapped by `ChatMapper`: what is sent, what comes back, and how workers share limits and end."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow
import pytest
from aurous.errors import ConfigurationError
from aurous.integrations import ChatMapper, ray
from aurous.integrations.worker import WORKERS
from aurous_mock.server.launcher import Mock
from clientkit.engines import Dataset, install_ray, reviews
from testkit.conditions import PATIENCE
from testkit.raw_server import Connection, RawServer
from testkit.responses import GOOD, KEY, MODEL, answer, envelope

ANSWERS = "aurous_"
MakeMapper = Callable[..., ChatMapper]


@pytest.fixture
def make(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeMapper]:
    """Makes mappers that call the mock, and closes them."""
    monkeypatch.setenv("AUROUS_API_KEY", KEY)
    yield lambda **settings: ChatMapper(**{"job": "test", "model": MODEL, "base_url": mock.url, **settings})
    WORKERS.close_all()


def rows(table: Any) -> list[dict[str, Any]]:
    """The rows of a dict of columns, with the names of new columns cut."""
    names = [name.removeprefix(ANSWERS) for name in table]
    return [dict(zip(names, cells, strict=True)) for cells in zip(*table.values(), strict=True)]


def test_each_row_has_its_answer_and_receipt(make: MakeMapper, mock: Mock) -> None:
    mapper = make(template="Say {word}.")
    table = {"id": [7, 8, 9], "word": ["a", "b", "c"]}
    mapped = rows(mapper(table))
    charges = {charge["idempotency_key"]: charge for charge in mock.ledger()}
    assert [(row["id"], row["word"]) for row in mapped] == [(7, "a"), (8, "b"), (9, "c")]
    assert len(charges) == 3
    for row in mapped:
        body = json.loads(row["body"])
        assert row["text"] == body["choices"][0]["message"]["content"]
        assert Decimal(row["credits"]) == Decimal(str(charges[row["idempotency_key"]]["credits_charged"]))
        assert (row["finish_reason"], row["model"], row["replayed"]) == ("stop", MODEL, False)
        assert row["completion_tokens"] == body["usage"]["completion_tokens"] > 0
        assert row["request_id"].startswith("req_")
        assert (row["error_code"], row["error_message"], row["may_be_charged"]) == (None, None, False)


def test_repeated_task_gets_the_first_answers_uncharged(make: MakeMapper, mock: Mock) -> None:
    mapper, table = make(), {"custom_id": ["a", "b"], "prompt": ["x", "x"]}
    first = rows(mapper(table))
    # As on another node, which has nothing but the pickle.
    WORKERS.close_all()
    other = pickle.loads(pickle.dumps(mapper))
    again = rows(other({name: cells[::-1] for name, cells in table.items()}))[::-1]
    assert [row["text"] for row in again] == [row["text"] for row in first]
    assert [row["replayed"] for row in first + again] == [False, False, True, True]
    assert len(mock.ledger()) == 2


def test_equal_rows_without_ids_share_an_answer(make: MakeMapper, mock: Mock) -> None:
    mapped = rows(make()({"prompt": ["x", "x", "y"], "id": [1, 2, 3]}))
    assert mapped[0]["text"] == mapped[1]["text"]
    assert mapped[0]["idempotency_key"] == mapped[1]["idempotency_key"] != mapped[2]["idempotency_key"]
    assert len(mock.ledger()) == 2


def test_ids_of_another_column_make_the_keys(make: MakeMapper, mock: Mock) -> None:
    mapped = rows(make(id_column="id")({"prompt": ["x", "x"], "id": [1, 2]}))
    named = rows(make()({"prompt": ["x", "x"], "custom_id": ["1", "2"]}))
    assert [row["idempotency_key"] for row in mapped] == [row["idempotency_key"] for row in named]
    assert len(mock.ledger()) == 2


def test_other_columns_are_not_sent(make: MakeMapper, wire: RawServer) -> None:
    wire.plays(GOOD, GOOD)
    mapper = make(base_url=wire.url, concurrency=1)
    mapper({"prompt": ["x"], "label": ["secret"], "seed": [5], "temperature": [None]})
    mapper({"body": [json.dumps({"messages": [{"role": "user", "content": "y"}]})], "seed": [5]})
    assert [json.loads(request.body) for request in wire.requests] == [
        {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "seed": 5},
        {"model": MODEL, "messages": [{"role": "user", "content": "y"}]},
    ]


def test_columns_of_arrow_keep_their_types_without_answers(make: MakeMapper) -> None:
    mapper = make(model="unknown")
    messages = [[{"role": "user", "content": "x"}], [{"role": "user", "content": "y", "name": None}]]
    mapped = mapper(pyarrow.table({"messages": messages}))
    types = {field.name.removeprefix(ANSWERS): str(field.type) for field in mapped.schema}
    assert (types["text"], types["prompt_tokens"], types["replayed"]) == ("string", "int64", "bool")
    assert mapped["aurous_error_code"].to_pylist() == ["resource_not_found"] * 2
    assert mapped["aurous_may_be_charged"].to_pylist() == [False, False]
    assert mapped["messages"].to_pylist()[0][0]["content"] == "x"


def test_iterator_of_tables_gives_an_iterator(make: MakeMapper, mock: Mock) -> None:
    mapped = make()({"prompt": [text]} for text in "ab")
    assert next(mapped)["prompt"] == ["a"]
    assert len(mock.ledger()) == 1
    assert [table["prompt"] for table in mapped] == [["b"]]


def test_empty_table_asks_nothing_and_names_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without a key, a worker could not even be made.
    mapper = ChatMapper(job="test")
    empty = mapper(pyarrow.table({"prompt": pyarrow.array([], pyarrow.string())}))
    assert empty.num_rows == 0
    added = [f"{name} {kind}" for name, kind in zip(empty.schema.names, map(str, empty.schema.types), strict=True)][1:]
    spark = mapper.ddl.replace("bigint", "int64").replace("boolean", "bool")
    assert ", ".join(added) == spark


def test_row_that_asks_for_nothing_is_an_error_of_its_own(make: MakeMapper, mock: Mock) -> None:
    good, bad = rows(make()({"prompt": ["x", None]}))
    assert good["text"]
    assert (bad["error_code"], bad["text"], bad["may_be_charged"]) == ("invalid_line", None, False)
    # Its number is not one that the caller knows.
    assert bad["error_message"].startswith("expected `messages`")
    assert len(mock.ledger()) == 1


def test_wrong_key_is_an_error_of_each_row(make: MakeMapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUROUS_API_KEY", "al_live_" + "1" * 64)
    mapped = rows(make()({"prompt": ["x"] * 200, "custom_id": list(map(str, range(200)))}))
    assert {row["error_code"] for row in mapped} == {"invalid_api_key"}
    assert not any(row["may_be_charged"] for row in mapped)
    assert len({row["idempotency_key"] for row in mapped}) == 200


def test_outage_is_an_error_of_rows_and_the_next_table_is_asked(make: MakeMapper, wire: RawServer) -> None:
    wire.plays(answer(401, envelope("invalid_api_key")), GOOD)
    mapper = make(base_url=wire.url, concurrency=1)
    table = {"prompt": ["x", "y"], "custom_id": ["x", "y"]}
    assert all(row["error_code"] for row in rows(mapper(table)))
    wire.plays(GOOD, GOOD)
    assert [row["error_code"] for row in rows(mapper(table))] == [None, None]


def test_budget_and_rate_limits_are_divided_over_the_workers(make: MakeMapper, mock: Mock) -> None:
    mapper = make(budget="1", workers=3)
    settings = mapper.worker_settings()
    assert settings.limit is not None
    assert Decimal("0.3333") < settings.limit <= Decimal(1) / 3
    assert settings.limit * 3 <= 1
    assert settings.share == pytest.approx(1 / 3)


def test_rows_beyond_the_budget_are_errors_that_cost_nothing(make: MakeMapper, mock: Mock) -> None:
    mapper = make(budget="0.2", workers=2, concurrency=1)
    # Two tables: the second finds the budget spent.
    tables = ({"prompt": [f"Say {number}." for number in range(first, first + 40)]} for first in (0, 40))
    mapped = [row for table in tables for row in rows(mapper(table))]
    spent = sum(Decimal(row["credits"]) for row in mapped if row["credits"] is not None)
    prices = [Decimal(row["credits"]) for row in mapped if row["credits"] is not None]
    unpaid = [row for row in mapped if row["credits"] is None]
    assert Decimal("0.1") <= spent < Decimal("0.1") + max(prices)
    assert {(row["error_code"], row["may_be_charged"]) for row in unpaid} == {("BudgetExceededError", False)}
    assert len(mock.ledger()) == len(prices) == 80 - len(unpaid)


def test_threads_share_one_worker(make: MakeMapper, mock: Mock) -> None:
    mapper, mapped = make(), {}

    def run_mapper(name: str) -> None:
        mapped[name] = rows(pickle.loads(pickle.dumps(mapper))({"prompt": [f"{name} {n}" for n in range(10)]}))

    threads = [threading.Thread(target=run_mapper, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert {name: [row["prompt"][0] for row in mapped_rows] for name, mapped_rows in mapped.items()} == {
        name: [name] * 10 for name in "abcd"
    }
    assert len([thread for thread in threading.enumerate() if thread.name == "aurous-batch"]) == 1
    assert len(mock.ledger()) == 40


def test_closing_hangs_up_on_who_waits(make: MakeMapper, wire: RawServer) -> None:
    arrived, closed = threading.Event(), threading.Event()

    def stall(connection: Connection) -> bool:
        arrived.set()
        connection.wait_closed()
        closed.set()
        return False

    wire.plays(stall)
    mapper, raised = make(base_url=wire.url), []

    def run_mapper() -> None:
        try:
            mapper({"prompt": ["x"]})
        except RuntimeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run_mapper)
    thread.start()
    assert arrived.wait(PATIENCE)
    mapper.close()
    thread.join(PATIENCE)
    assert closed.wait(PATIENCE)
    assert raised == ["the mapper was closed"]


def test_closed_mapper_connects_again(make: MakeMapper, mock: Mock) -> None:
    mapper = make()
    mapper({"prompt": ["x"]})
    mapper.close()
    assert "aurous-batch" not in [thread.name for thread in threading.enumerate()]
    mapper({"prompt": ["y"]})
    assert len(mock.ledger()) == 2


def run_program(program: str, **variables: str) -> str:
    """What a program prints that ends well."""
    environment = {**os.environ, "AUROUS_API_KEY": KEY, **variables}
    completed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (completed.returncode, completed.stderr) == (0, "")
    return completed.stdout


@pytest.mark.slow
def test_process_ends_without_closing(mock: Mock) -> None:
    program = f"""if True:
        from aurous.integrations import ChatMapper
        mapper = ChatMapper(job="test", model={MODEL!r}, base_url={mock.url!r})
        print(mapper({{"prompt": ["x"]}})["aurous_error_code"])
    """
    assert run_program(program) == "[None]\n"


@pytest.mark.slow
def test_child_of_a_fork_has_a_worker_of_its_own(mock: Mock) -> None:
    program = f"""if True:
        import os
        from aurous.integrations import ChatMapper
        mapper = ChatMapper(job="test", model={MODEL!r}, base_url={mock.url!r})
        mapper({{"prompt": ["x"]}})
        child = os.fork()
        if child == 0:
            os._exit(0 if mapper({{"prompt": ["y"]}})["aurous_error_code"] == [None] else 1)
        print(os.waitpid(child, 0)[1])
    """
    assert run_program(program, PYTHONWARNINGS="ignore") == "0\n"
    assert len(mock.ledger()) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": 0}, "workers must be"),
        ({"workers": 1.5}, "workers must be"),
        ({"concurrency": 0}, "concurrency must be"),
        ({"job": None}, "job must be"),
        ({"job": ""}, "job must be"),
        ({"budget": 0.5}, "not exact"),
        ({"budget": "nan"}, "0 or more"),
        ({"template": "Say {}"}, "template"),
    ],
)
def test_invalid_setting_is_refused_where_the_mapper_is_made(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ChatMapper(**{"job": "test", **settings})


@pytest.mark.parametrize(
    ("settings", "table", "message"),
    [
        ({"template": "Say {word}"}, {"prompt": ["x"]}, "no column word; its columns are prompt"),
        ({"id_column": "id"}, {"prompt": ["x"]}, "no column id"),
        ({}, {"prompt": ["x"], "aurous_text": ["x"]}, "has a column aurous_text already"),
        ({}, {"prompt": ["x"], "custom_id": []}, "different lengths"),
        ({}, pyarrow.Table.from_arrays([["x"], ["y"]], ["prompt", "prompt"]), "one name"),
    ],
)
def test_table_that_does_not_fit_is_refused(
    make: MakeMapper, settings: dict[str, Any], table: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make(**settings)(table)


@pytest.mark.parametrize("table", [7, "text", [{"prompt": "x"}], None])
def test_what_is_no_table_is_a_type_error(make: MakeMapper, table: Any) -> None:
    with pytest.raises(TypeError, match="expected a dict of columns"):
        make()(table)


@pytest.mark.usefixtures("outside_pytest")
def test_missing_api_key_is_refused(make: MakeMapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUROUS_API_KEY")
    with pytest.raises(ConfigurationError, match="AUROUS_API_KEY"):
        make()({"prompt": ["x"]})


def test_ray_is_named_where_it_is_missing(make: MakeMapper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "RAY", ray.RAY._replace(module="nowhere"))
    with pytest.raises(ConfigurationError, match=r'pip install "aurous-labs\[ray\]"'):
        ray.complete(None, make(), actors=2)


def test_dataset_of_ray_is_mapped_by_actors(make: MakeMapper, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ray(monkeypatch)
    mapped = ray.complete(Dataset(reviews(5)), make(template="Sum up {review}"), actors=3, batch_size=2, num_cpus=0.1)
    assert mapped.table["review_id"].to_pylist() == list("01234")
    assert mapped.table["aurous_error_code"].null_count == 5
    options = mapped.options
    assert (options["batch_format"], options["batch_size"], options["num_cpus"]) == ("pyarrow", 2, 0.1)
    assert options["compute"].size == options["fn_constructor_kwargs"]["workers"] == 3
    assert len(mock.ledger()) == 5


def test_actors_of_ray_leave_cpus_to_reads_and_writes(make: MakeMapper, monkeypatch: pytest.MonkeyPatch) -> None:
    install_ray(monkeypatch)
    mapped = ray.complete(Dataset(reviews(1)), make(template="Sum up {review}"), actors=4)
    assert mapped.options["num_cpus"] * 4 < 1


def test_importing_it_loads_no_engine() -> None:
    program = "import aurous.integrations.ray, sys; print({'ray', 'pandas', 'numpy', 'pyarrow'} & sys.modules.keys())"
    assert run_program(program) == "set()\n"
