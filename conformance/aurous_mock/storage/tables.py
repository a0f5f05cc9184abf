"""The tables of a shared state."""

import sqlalchemy as sa

SCHEMA = sa.MetaData()

completions = sa.Table(
    "completions",
    SCHEMA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("streamed", sa.Boolean, nullable=False),
    sa.Column("hold", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("key", sa.Text),
    # The server that generates the completion, and when its lease expires.
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("lease", sa.Float(53), nullable=False),
    sa.Column("cancel_asked", sa.Boolean, nullable=False),
    # Null while it is in progress.
    sa.Column("finished_at", sa.Float(53)),
    sa.Index("completions_finished", "team", "finished_at"),
)
sa.Index(
    "completions_running",
    completions.c.lease,
    sqlite_where=completions.c.status == "in_progress",
    postgresql_where=completions.c.status == "in_progress",
)

keys = sa.Table(
    "idempotency_keys",
    SCHEMA,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("completion_id", sa.Text, nullable=False),
    sa.Column("claimed_at", sa.Float(53), nullable=False, index=True),
    sa.Column("body", sa.LargeBinary),
)

balances = sa.Table(
    "balances",
    SCHEMA,
    sa.Column("team", sa.Text, primary_key=True),
    sa.Column("credits", sa.BigInteger, nullable=False),
    sa.Column("held", sa.BigInteger, nullable=False),
)

charges = sa.Table(
    "charges",
    SCHEMA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("completion_id", sa.Text, nullable=False, unique=True),
    sa.Column("team", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("micro", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("charged_at", sa.Float(53), nullable=False),
    sa.Index("charges_charged", "team", "charged_at"),
)

counters = sa.Table(
    "counters",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("counted_at", sa.Float(53), index=True),
)

buckets = sa.Table(
    "buckets",
    SCHEMA,
    sa.Column("name", sa.Text, primary_key=True),
    # Null until the bucket is first used.
    sa.Column("amount", sa.Float(53)),
    sa.Column("at", sa.Float(53)),
)

# Of scripted faults and answers.
scripts = sa.Table(
    "scripts",
    SCHEMA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("script", sa.Text, nullable=False),
)

# One row.
meta = sa.Table(
    "meta",
    SCHEMA,
    sa.Column("only", sa.Integer, primary_key=True),
    sa.Column("clock_offset", sa.Float(53), nullable=False),
    sa.Column("schema_version", sa.Integer),
)
