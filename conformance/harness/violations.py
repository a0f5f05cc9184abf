"""The exceptions by which a rule's test ends other than passed, and the functions that raise them."""

from __future__ import annotations

from typing import Any, NoReturn
from unittest import SkipTest


class RuleViolation(AssertionError):  # noqa: N818 (a violation is raised; it is no error of the suite)
    """The server did not do what the documentation says.

    `exchanges` are the `harness.client.exchange.Exchange` objects that show it. `expected` says what would have
    passed, where the rule's own sentence does not already say it.
    """

    def __init__(self, actual: str, *exchanges: Any, expected: str = "") -> None:
        super().__init__(actual)
        self.actual = actual
        self.exchanges = exchanges
        self.expected = expected


class NotTested(SkipTest):
    """The rule could not be tried on this server; the message says why.

    A skip ends a property at once. Hypothesis repeats anything else to shrink it, and calls it flaky if it then ends
    otherwise, as it does when the time of the run is over.
    """


class Informational(Exception):  # noqa: N818 (as above)
    """What the server does where the documentation is silent or contradicts itself; never a failure."""


def require(condition: object, actual: str, *exchanges: Any, expected: str = "") -> None:
    """Fail the rule unless `condition` holds; `actual` says in one sentence what the server did instead."""
    if not condition:
        raise RuleViolation(actual, *exchanges, expected=expected)


def not_tested(reason: str) -> NoReturn:
    """End the test: the rule could not be tried here."""
    raise NotTested(reason)


def inform(observation: str) -> NoReturn:
    """End the test as informational, which is no failure."""
    raise Informational(observation)


def flatten(error: BaseException) -> list[BaseException]:
    """The plain errors inside whatever groups a property-testing library wraps them in."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in flatten(inner)]
    return [error]
