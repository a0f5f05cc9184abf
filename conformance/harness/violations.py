"""Owns the three ways in which a rule's test ends other than kept; knows no rule and sends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from harness.client.exchange import Exchange


class Breach(AssertionError):  # noqa: N818 (it reads as what it is: a breach is raised)
    """The server did not do what the documentation says; carries the exchanges that show it."""

    def __init__(self, came: str, *exchanges: Exchange) -> None:
        super().__init__(came)
        self.came = came
        self.exchanges = exchanges


class Unseen(Exception):  # noqa: N818 (as above)
    """The rule could not be tried here, and why."""


class Observation(Exception):  # noqa: N818 (as above)
    """What was seen where the documentation is silent or of two minds; never a fault."""


def require(kept: object, came: str, *exchanges: Exchange) -> None:
    """Breach the rule unless `kept`; `came` tells, in one sentence, what the server did instead."""
    if not kept:
        raise Breach(came, *exchanges)


def unseen(why: str) -> NoReturn:
    raise Unseen(why)


def observe(what: str) -> NoReturn:
    raise Observation(what)


def leaves(error: BaseException) -> list[BaseException]:
    """The plain errors inside whatever groups a property-testing library wraps them in."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
