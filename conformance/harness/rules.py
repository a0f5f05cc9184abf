"""Owns what a documented rule is and how a test claims one; knows nothing of HTTP or of pytest's hooks."""

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


# Marks tests whose calls cost more than most, and that are worth less than what else the same money buys.
dear = pytest.mark.dear
# Marks tests of calls that may cost more than what is left of a small budget later on.
first = pytest.mark.first


class Level(StrEnum):
    """Whether breaking a rule fails a server. What pages contradict, or leave unsaid, is only observed."""

    REQUIRED = "required"
    OBSERVED = "observed"


@dataclass(frozen=True)
class Rule:
    """One documented sentence: a stable id, the page it stands on, and what it says."""

    id: str
    page: str
    says: str
    level: Level = Level.REQUIRED

    @property
    def subject(self) -> str:
        return self.id.partition(".")[0]

    @property
    def url(self) -> str:
        return DOCS + self.page


def rule(name: str, *, page: str, says: str, observed: bool = False) -> pytest.MarkDecorator:
    """Mark a test, or one parameter of it, as the proof of a rule."""
    level = Level.OBSERVED if observed else Level.REQUIRED
    return pytest.mark.rule(Rule(name, page, says, level))


def claimed_by(item: pytest.Item) -> Rule | None:
    """The rule that a collected test proves; the innermost mark wins, so that a parameter can name its own."""
    mark = item.get_closest_marker("rule")
    if mark is None:
        return None
    found: Rule = mark.args[0]
    # Tests made for every operation by schemathesis share one mark, and name their operation only as an item.
    label = getattr(item, "operation_label", None)
    return replace(found, id=found.id.format(operation=operation_id(label))) if label else found
