"""What a documented rule is, and how a test states which rule it checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import pytest

from harness.contract import operation_id

DOCS = "https://docs.aurous-labs.com/"

# The pages that most rules come from, under short names; a page is written as its path below DOCS.
CREATE = "api-reference/chat/create-a-chat-completion"
RETRIEVE = "api-reference/chat/retrieve-a-stored-chat-completion"
CANCEL = "api-reference/chat/cancel-an-in-flight-chat-completion"
CANCELLATION = "api-reference/chat/cancellation"
STREAMING = "api-reference/chat/streaming"
TOOLS = "api-reference/chat/tools"
REASONING = "api-reference/chat/reasoning"
MULTIMODAL = "api-reference/chat/multimodal"
STRUCTURED = "api-reference/chat/structured-output"
CHAT_IDEMPOTENCY = "api-reference/chat/idempotency"
IDEMPOTENCY = "idempotency"
PRICING = "api-reference/chat/pricing"
COSTS = "guides/cost-transparency"
MODELS = "api-reference/models/list-chat-and-embedding-models"
BALANCE = "api-reference/public-api-v1/get-credit-balance"
AUTHENTICATION = "authentication"
ERRORS = "errors"
ERROR_GUIDE = "guides/error-handling"
DROP_IN = "guides/openai-drop-in"
RATE_LIMITS = "rate-limits"
CHANGELOG = "changelog"


# Marks tests whose calls cost more than most: they run late, when a small budget may already be spent.
expensive = pytest.mark.expensive
# Marks tests that reserve a lot and cost little: they run while the budget is untouched.
first = pytest.mark.first
# Marks tests of what the run has seen already, which are of use even if its time is over.
looks_back = pytest.mark.looks_back


class Level(StrEnum):
    """Whether a server fails by breaking a rule. Where pages disagree or are silent, a rule is informational."""

    REQUIRED = "required"
    INFORMATIONAL = "informational"


@dataclass(frozen=True)
class Rule:
    """One documented sentence with a stable id and the page that it is on."""

    id: str
    page: str
    sentence: str
    level: Level = Level.REQUIRED
    since: str | None = None
    until: str | None = None

    def applies_to(self, version: str) -> bool:
        """Whether the contract of a version has this rule. Versions are dates, which sort as text."""
        return (self.since is None or self.since <= version) and (self.until is None or version < self.until)

    @property
    def subject(self) -> str:
        return self.id.partition(".")[0]

    @property
    def url(self) -> str:
        return DOCS + self.page


def rule(
    name: str,
    *,
    page: str,
    sentence: str,
    informational: bool = False,
    since: str | None = None,
    until: str | None = None,
) -> pytest.MarkDecorator:
    """Mark a test, or one parameter of it, as a check of a rule.

    since: the version that introduced the rule; until: the version that dropped it
    """
    level = Level.INFORMATIONAL if informational else Level.REQUIRED
    return pytest.mark.rule(Rule(name, page, sentence, level, since, until))


def rule_of(item: pytest.Item) -> Rule | None:
    """The rule that a collected test checks; the innermost mark wins, so that a parameter can name its own."""
    mark = item.get_closest_marker("rule")
    if mark is None:
        return None
    marked: Rule = mark.args[0]
    # The tests that schemathesis makes for every operation share one mark; only the item names its operation.
    label = getattr(item, "operation_label", None)
    return replace(marked, id=marked.id.format(operation=operation_id(label))) if label else marked
