"""Exact arithmetic of receipts and balances."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from harness.checks.receipts import exact
from harness.client.api_client import ApiClient
from harness.client.exchange import Exchange
from harness.violations import RuleViolation, not_tested

EXACTLY = Decimal("0.000001")
# Seconds to wait for a balance, which may settle a little after the response.
SETTLES_WITHIN = 3.0
POLL_EVERY = 0.25
ATTEMPTS = 3


def require_room(usage: dict[str, Any], most: int) -> int:
    """The tokens of an answer that was far below `most`; of any other, the test ends as not tested."""
    tokens: int = usage["completion_tokens"] + (usage.get("reasoning_tokens") or 0)
    if tokens > most // 2:
        not_tested(f"the answer took {tokens} of the {most} tokens it was given")
    return tokens


def require_balance_change(api: ApiClient, spend: Callable[[], Decimal], *, what: str = "") -> None:
    """Require that `credits` falls by what `spend` returns, and that nothing stays held for it.

    A balance that settles later is waited for, up to SETTLES_WITHIN. The team's other programs may spend from it at
    the same time: another moment is tried, and if the balance moves without any request of this run, or by another
    amount each time, the test ends as not tested. `what` names what was spent on, in violations.
    """
    if api.balance().expect(200).json.get("billing_mode") == "exempt":
        not_tested("this team is exempt from billing")
    if api.other_traffic:
        not_tested(api.other_traffic)
    started = time.monotonic()
    movements = [_observe(api, spend)]
    if movements[0].is_exact:
        return
    if not movements[0].rose:
        _require_quiet(api, time.monotonic() - started)
    for _ in range(ATTEMPTS - 1):
        movements.append(_observe(api, spend))
        if movements[-1].is_exact:
            return
    require_repeated(movements)
    movement = movements[-1]
    still = f", and {movement.held} more is held" if movement.held else ""
    raise RuleViolation(
        f"{what}{': ' if what else ''}{SETTLES_WITHIN:g} s later the balance has fallen by {movement.decrease}, and "
        f"{movement.charged} was charged{still}",
        movement.before,
        movement.after,
        expected=f"credits lower by {movement.charged}, and held_credits as before",
    )


@dataclass
class Movement:
    """The balance before and after something was charged."""

    before: Exchange
    after: Exchange
    charged: Decimal

    @property
    def decrease(self) -> Decimal:
        return _amount(self.before, "credits") - _amount(self.after, "credits")

    @property
    def held(self) -> Decimal:
        return _amount(self.after, "held_credits") - _amount(self.before, "held_credits")

    @property
    def rose(self) -> bool:
        """Whether the balance was topped up."""
        return self.decrease < 0

    @property
    def is_over(self) -> bool:
        """Whether waiting for the balance to settle would change nothing."""
        return self.is_exact or self.rose

    @property
    def is_exact(self) -> bool:
        return abs(self.decrease - self.charged) <= EXACTLY and self.held <= EXACTLY


def require_repeated(movements: list[Movement]) -> None:
    """End the test as not tested unless every attempt shows the same fault of the server.

    A balance that rose was topped up. One that fell by less than was charged shows a fault by itself, as does a hold
    that stays; one that fell by more may show what others spent, unless it does so by the same measure each time.
    """
    spent = [movement for movement in movements if not movement.rose]
    excesses = [movement for movement in spent if movement.decrease - movement.charged > EXACTLY]
    measures: list[Callable[[Movement], Decimal]] = [
        lambda movement: movement.decrease - movement.charged,
        lambda movement: movement.decrease,
        lambda movement: round(movement.decrease / movement.charged, 3) if movement.charged else movement.decrease,
    ]
    repeats = any(len({measure(movement) for movement in excesses}) == 1 for measure in measures)
    if len(spent) < len(movements) or (excesses and not (len(excesses) == len(movements) and repeats)):
        amounts = ", ".join(str(movement.decrease) for movement in movements)
        not_tested(
            f"the balance moved by another amount each time ({amounts}): other programs of the team use it, or it is "
            "topped up. Give the suite a team of its own"
        )


def _observe(api: ApiClient, spend: Callable[[], Decimal]) -> Movement:
    before = settled_balance(api)
    charged = spend()
    after = _wait_for_balance(api, lambda balance: Movement(before, balance, charged).is_over)
    return Movement(before, after, charged)


def settled_balance(api: ApiClient) -> Exchange:
    """The balance, once the holds of earlier requests are released; other programs may hold credits for longer."""
    return _wait_for_balance(api, lambda balance: _amount(balance, "held_credits") == 0)


def _wait_for_balance(api: ApiClient, is_reached: Callable[[Exchange], bool]) -> Exchange:
    """The balance as soon as `is_reached`, or as it is after SETTLES_WITHIN."""
    deadline = time.monotonic() + SETTLES_WITHIN
    while True:
        balance = api.balance().expect(200)
        if is_reached(balance) or time.monotonic() > deadline:
            return balance
        time.sleep(POLL_EVERY)


def _require_quiet(api: ApiClient, seconds: float) -> None:
    """End the test as not tested if the balance moves in as much time as an attempt takes, without a request."""
    before = settled_balance(api)
    time.sleep(min(max(seconds, POLL_EVERY), SETTLES_WITHIN))
    after = api.balance().expect(200)
    if before.at("credits") != after.at("credits"):
        api.other_traffic = (
            f"the balance went from {before.at('credits')} to {after.at('credits')} credits without a request of this "
            "run: other programs of the team use it. Give the suite a team of its own"
        )
        not_tested(api.other_traffic)


def _amount(balance: Exchange, member: str) -> Decimal:
    return exact(balance.at(member))
