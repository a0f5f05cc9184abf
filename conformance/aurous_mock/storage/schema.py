"""Creates the tables of a state, and migrates the state of an earlier version."""

import time
from collections.abc import Callable

import sqlalchemy as sa

from aurous_mock.storage.tables import SCHEMA, completions, meta

# The version of the tables; states of before versions were counted are version 1.
VERSION = 3


class SchemaError(Exception):
    """The state has tables that this version cannot use. The message says what to do."""


def prepare(engine: sa.Engine) -> None:
    """Create or migrate the tables, in one transaction; the second server of a state waits for the first."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # A migration takes as long as it takes, and waits for that of another server.
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            # Concurrent CREATE TABLE IF NOT EXISTS can fail; the number of the lock is arbitrary.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(20260515)"))
        version = read_version(connection)
        if version is not None and version > VERSION:
            raise SchemaError(
                f"it has schema version {version}, from a later aurous-mock; this one knows versions up to {VERSION}: "
                "upgrade, or use another state"
            )
        for target in range((version or VERSION) + 1, VERSION + 1):
            _MIGRATIONS[target](connection)
        _create_missing(connection)
        if version is None:
            connection.execute(sa.insert(meta).values(only=1, clock_offset=0.0, schema_version=VERSION))
        elif version < VERSION:
            connection.execute(sa.update(meta).values(schema_version=VERSION))


def read_version(connection: sa.Connection) -> int | None:
    """The version of the tables; None if there are none yet."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(meta.name):
        return None
    if "schema_version" not in {column["name"] for column in inspector.get_columns(meta.name)}:
        return 1
    version = connection.execute(sa.select(meta.c.schema_version)).scalar()
    return None if version is None else int(version)


def _create_missing(connection: sa.Connection) -> None:
    """Create the tables and indexes that are missing. Raises SchemaError if a table lacks columns."""
    inspector = sa.inspect(connection)
    names = {*inspector.get_table_names()}
    SCHEMA.create_all(connection, [table for table in SCHEMA.sorted_tables if table.name not in names], False)
    present = [table for table in SCHEMA.sorted_tables if table.name in names]
    missing = []
    for table in present:
        existing = {column["name"] for column in inspector.get_columns(table.name)}
        missing += [f"{table.name}.{column.name}" for column in table.columns if column.name not in existing]
    if missing:
        raise SchemaError(f"its tables lack {', '.join(missing)}: they were not made by aurous-mock; use another state")
    for table in present:
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _add_retention(connection: sa.Connection) -> None:
    inspector = sa.inspect(connection)
    for table, column in (
        ("meta", "schema_version INTEGER"),
        ("completions", "finished_at DOUBLE PRECISION"),
        ("counters", "counted_at DOUBLE PRECISION"),
    ):
        if inspector.has_table(table):
            connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {column}"))
    if inspector.has_table("completions") and "status" in {c["name"] for c in inspector.get_columns("completions")}:
        finished = completions.c.status != "in_progress"
        connection.execute(sa.update(completions).where(finished).values(finished_at=time.time()))


def _rename_rules(connection: sa.Connection) -> None:
    if sa.inspect(connection).has_table("rules"):
        connection.execute(sa.text("ALTER TABLE rules RENAME TO scripts"))
        connection.execute(sa.text("ALTER TABLE scripts RENAME COLUMN rule TO script"))


_MIGRATIONS: dict[int, Callable[[sa.Connection], None]] = {2: _add_retention, 3: _rename_rules}
