"""Owns the tables of a shared state and how to reach them; knows nothing of what the rows mean."""

import re
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

_BUSY_SECONDS = 30

_schema = sa.MetaData()

completions = sa.Table(
    "completions",
    _schema,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("streamed", sa.Boolean, nullable=False),
    sa.Column("hold", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("key", sa.Text),
    # Who makes the completion, and until when that may be believed.
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("lease", sa.Float(53), nullable=False),
    sa.Column("cancel_asked", sa.Boolean, nullable=False),
)
sa.Index(
    "completions_running",
    completions.c.lease,
    sqlite_where=completions.c.status == "in_progress",
    postgresql_where=completions.c.status == "in_progress",
)

keys = sa.Table(
    "idempotency_keys",
    _schema,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("completion_id", sa.Text, nullable=False),
    sa.Column("claimed_at", sa.Float(53), nullable=False),
    sa.Column("body", sa.LargeBinary),
)

balances = sa.Table(
    "balances",
    _schema,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("credits", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
)

charges = sa.Table(
    "charges",
    _schema,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("completion_id", sa.Text, nullable=False, unique=True),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("micro", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("charged_at", sa.Float(53), nullable=False),
)

counters = sa.Table(
    "counters",
    _schema,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

buckets = sa.Table(
    "buckets",
    _schema,
    sa.Column("name", sa.Text, primary_key=True),
    # Both null until the bucket is first used.
    sa.Column("amount", sa.Float(53)),
    sa.Column("at", sa.Float(53)),
)

rules = sa.Table(
    "rules",
    _schema,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("rule", sa.Text, nullable=False),
)

# One row, for what there is one of.
meta = sa.Table(
    "meta",
    _schema,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("clock_offset", sa.Float(53), nullable=False),
)


def connect(location: str) -> sa.Engine:
    """An engine for a database URL, or for the SQLite file of that name."""
    if "://" not in location:
        path = Path(location)
        if path.is_dir() or not path.resolve().parent.is_dir():
            raise OSError(f"{path} is not a file that can be made")
        location = f"sqlite:///{path}"
    url = sa.make_url(location)
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_size=16, max_overflow=16)
    engine = sa.create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None})
    event.listen(engine, "connect", _tune)
    # The driver would begin a reading transaction, and fail to turn it into a writing one when others write.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _tune(connection: Any, _record: Any) -> None:
    # A commit is in the log before it is acknowledged, and survives the death of the process.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def create(engine: sa.Engine) -> None:
    """Make the tables that are not there yet; safe while other servers do the same."""
    insert = insert_postgresql if engine.dialect.name == "postgresql" else insert_sqlite
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # CREATE TABLE IF NOT EXISTS is not safe against itself; any number will do for the lock.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(20260515)"))
        _schema.create_all(connection)
        connection.execute(insert(meta).values(only=1, clock_offset=0.0).on_conflict_do_nothing())


def redact(location: str) -> str:
    """A location fit for a log: without its password."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", location)
