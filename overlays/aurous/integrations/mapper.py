"""Maps tables of requests to tables of answers, each row charged once however often an engine repeats it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any, Final, TypeVar, overload

from aurous_client.models import ChatCompletionRequest

from .._json import INVALID_JSON, decode
from ..batch.request_forms import ENVELOPE, template_fields
from ..batch.settings import Settings
from ..errors import ConfigurationError
from .columns import ANSWER_COLUMNS, answer_columns
from .tables import column_names, read_rows, with_columns
from .worker import WORKERS, Worker

TableT = TypeVar("TableT")

# The columns that are sent where there is no template; the others are only passed through.
_REQUEST_COLUMNS: Final = frozenset(ChatCompletionRequest.__annotations__) - {"additional_properties"} | {"prompt"}
_ID: Final = "custom_id"
# Of all rows without an id, so that their keys depend on their bodies alone.
_NO_ID: Final = "row"
_ROUNDING: Final = Context(prec=28, rounding=ROUND_DOWN)


@dataclass(frozen=True, kw_only=True)
class ChatMapper:
    """A callable that sends each row of a table, and returns the table with the answers as further columns.

    A table is a dict of columns, a pandas DataFrame or a pyarrow Table, and comes back as what it was, with its rows in
    their order; an iterator of tables gives an iterator. With Ray Data, see `aurous.integrations.ray`. With Dask, which
    would send two rows of its own making if it were not told the columns of the result, and with Spark:

        mapper = ChatMapper(job="reviews", model="aurous-grow-2.0-pro", template="Summarise {review}", workers=8)
        answers = frame.map_partitions(mapper, meta=mapper(frame._meta))
        answers = frame.mapInPandas(mapper, f"review_id string, review string, {mapper.ddl}")

    Of a row, the columns of the template are sent. Without a template a row has a `prompt`, the members of a chat
    completion, or the `body` of OpenAI's batch form, also as text; other columns are not sent. Cells that are missing
    are left out.

    The idempotency key of a row is derived from job, id and body, so it is the same on every node: a row that an engine
    sends again within 24 hours, since a node died, gets its first answer and is not charged again.

    job:         names the work; under the same name again, nothing new is charged for rows that have not changed
    model:       for rows that name none
    system:      instructions that go before the messages of rows that have none
    template:    makes a prompt of each row, such as `Translate {text}`
    budget:      credits. Each worker process starts no row once it has spent its part, `budget / workers`; a process
                 that replaces a dead one begins with its part again
    workers:     how many processes work on the job at once: actors, or the engine's worker processes. The rate limits
                 are divided by it as well
    concurrency: the most requests at once in one process; how many there are depends on what the server refuses
    id_column:   the rows' ids. Rows without one that are the same share one answer, which is charged once
    prefix:      how the names of the new columns begin
    base_url:    by default AUROUS_BASE_URL of the worker. The API key is AUROUS_API_KEY of the worker: no pickle has it
    timeout:     seconds of one attempt

    The new columns, without their prefix; text is missing, and numbers are 0, where a row has no answer:

    text, finish_reason, model, request_id   of the answer; `body` is all of it, as JSON
    credits                                  what it cost, in decimal digits
    prompt_tokens, completion_tokens, reasoning_tokens
    replayed                                 whether it had been paid for before
    error_code, error_message                why there is no answer
    may_be_charged                           whether a row without an answer may have cost credits all the same
    idempotency_key                          what the row was sent with

    A row that fails is a row with an error, also if the budget is spent (`BudgetExceededError`) or the server is out of
    reach; map these rows again. Raises ConfigurationError for invalid arguments, for a table without the columns that
    are needed, and where the worker has no API key; TypeError for a table of another kind.
    """

    job: str
    model: str | None = None
    system: str | None = None
    template: str | None = None
    budget: Decimal | str | int | None = None
    workers: int = 1
    concurrency: int = 64
    id_column: str = _ID
    prefix: str = "aurous_"
    base_url: str | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.workers, int) or self.workers < 1:
            raise ConfigurationError(f"workers must be a whole number of 1 or more, not {self.workers!r}")
        if not isinstance(self.job, str):
            raise ConfigurationError("job must be a string: keys are derived from it")
        self.worker_settings()
        self._needed()

    @overload
    def __call__(self, table: Iterator[TableT]) -> Iterator[TableT]: ...
    @overload
    def __call__(self, table: TableT) -> TableT: ...
    def __call__(self, table: Any) -> Any:
        """The table with the answers; waits for all of them."""
        if isinstance(table, Iterator):
            return map(self._map, table)
        return self._map(table)

    @property
    def ddl(self) -> str:
        """The new columns as Spark's schemas have them, such as `aurous_text string, ...`."""
        types = {"string": "string", "int64": "bigint", "bool": "boolean"}
        return ", ".join(f"{self.prefix}{name} {types[kind]}" for name, kind in ANSWER_COLUMNS.items())

    def close(self) -> None:
        """Hang up on the server in this process, which else happens when it ends. The next call connects again."""
        WORKERS.close(self)

    def _map(self, table: Any) -> Any:
        names = column_names(table)
        conflicts = [
            name for name in names if name.startswith(self.prefix) and name[len(self.prefix) :] in ANSWER_COLUMNS
        ]
        if conflicts:
            raise ConfigurationError(f"the table has a column {', '.join(conflicts)} already; choose another prefix")
        missing = [name for name in self._needed() if name not in names]
        if missing:
            raise ConfigurationError(
                f"the table has no column {', '.join(missing)}; its columns are {', '.join(names)}"
            )
        requests = [self._request_of(row) for row in read_rows(table)]
        results = WORKERS.get(self, self._make_worker).send(requests) if requests else []
        return with_columns(table, answer_columns(results, self.prefix))

    def _needed(self) -> tuple[str, ...]:
        named = () if self.id_column == _ID else (self.id_column,)
        return (*(template_fields(self.template) if self.template is not None else ()), *named)

    def _request_of(self, row: dict[str, Any]) -> dict[str, Any]:
        """What is sent of a row, as the line of a batch."""
        given = row.get(self.id_column, _NO_ID)
        if self.template is not None:
            return {**row, _ID: given}
        if "body" in row:
            request = {name: row[name] for name in ENVELOPE if name in row}
            if isinstance(request["body"], str):
                body = decode(request["body"].encode(errors="replace"))
                request["body"] = None if body is INVALID_JSON else body
        else:
            request = {name: value for name, value in row.items() if name in _REQUEST_COLUMNS}
        return {**request, _ID: given}

    def _make_worker(self) -> Worker:
        return Worker(self.worker_settings(), base_url=self.base_url, timeout=self.timeout)

    def worker_settings(self) -> Settings:
        """The settings of one of the workers."""
        settings = Settings(
            job=self.job,
            checkpoint=None,
            model=self.model,
            system=self.system,
            template=self.template,
            concurrency=self.concurrency,
            share=1 / self.workers,
            budget=self.budget,
            ordered=False,
            retry_failed=False,
            retry=None,
        )
        return settings.with_budget(settings.limit and _ROUNDING.divide(settings.limit, Decimal(self.workers)))

    def options(self) -> dict[str, Any]:
        """The arguments that make an equal mapper, for engines that make one in each process."""
        return {each.name: getattr(self, each.name) for each in fields(self)}
