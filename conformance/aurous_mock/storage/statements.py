"""The SQL of starting and finishing completions, built once: to build it costs more than to run it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from aurous_mock.storage.statuses import IN_PROGRESS
from aurous_mock.storage.tables import balances, buckets, charges, completions, keys, meta, scripts

# Parameters whose names are no columns: of an UPDATE, those of columns are what it sets.
_ID, _TEAM, _KEY = (bindparam(name, type_=sa.Text) for name in ("of_id", "of_team", "of_key"))
_HOLD, _CHARGE = bindparam("hold", type_=sa.BigInteger), bindparam("charge", type_=sa.BigInteger)

_running = (completions.c.id == _ID) & (completions.c.status == IN_PROGRESS)
_key = (keys.c.team == _TEAM) & (keys.c.key == _KEY)
_left = balances.c.credits - _CHARGE

CLOCK_OFFSET = sa.select(meta.c.clock_offset)
SCRIPTS = sa.select(scripts.c.number, scripts.c.script).order_by(scripts.c.number)
CHARGE = sa.insert(charges)

READ_KEY = sa.select(keys).where(_key)
LOCK_KEY = READ_KEY.with_for_update()
UPDATE_KEY = sa.update(keys).where(_key)
UPDATE_OWN_KEY = sa.update(keys).where(_key & (keys.c.completion_id == _ID))
DELETE_OWN_KEY = sa.delete(keys).where(_key & (keys.c.completion_id == _ID))

READ_BALANCE = sa.select(balances).where(balances.c.team == _TEAM)
PLACE_HOLD = (
    sa.update(balances)
    .where((balances.c.team == _TEAM) & (balances.c.credits - balances.c.held >= _HOLD))
    .values(held=balances.c.held + _HOLD)
)
SETTLE = (
    sa.update(balances)
    .where(balances.c.team == _TEAM)
    # A charge above the hold takes what is left, down to zero; the platform absorbs the rest.
    .values(held=balances.c.held - _HOLD, credits=sa.case((_left > 0, _left), else_=0))
)

READ_COMPLETION = sa.select(completions).where(completions.c.id == _ID)
READ_RUNNING = sa.select(completions.c.team, completions.c.hold, completions.c.key).where(_running)
FINISH_COMPLETION = sa.update(completions).where(_running)
CHECKPOINT = sa.update(completions).where(_running).returning(completions.c.cancel_asked)

_bucket = buckets.c.name == bindparam("of_name", type_=sa.Text)
READ_BUCKET = sa.select(buckets.c.amount, buckets.c.at).where(_bucket).with_for_update()
UPDATE_BUCKET = sa.update(buckets).where(_bucket)


def claim_key(insert: Any) -> Any:
    """Claims a key that is not stored. insert: the INSERT of the dialect"""
    return insert(keys).on_conflict_do_nothing().returning(keys.c.key)


def create_balance(insert: Any) -> Any:
    """Creates the balance of a team that has none. insert: the INSERT of the dialect"""
    return insert(balances).on_conflict_do_nothing()


def create_bucket(insert: Any) -> Any:
    """Creates an unused rate-limit bucket, if there is none. insert: the INSERT of the dialect"""
    return insert(buckets).on_conflict_do_nothing()
