"""The effect of each kind of change on a client of the API.

A request is written by the client, so what narrows it breaks; a response is read by the client, so what widens it does.
Two rulings are milder than a differ's, because of what this client does: it keeps unknown values of open enums, and it
never validates a default. Some are stricter: a renamed operation, method or model renames what code calls; a member
that was optional in a response had readers all the same, as had a value of an enum that another one replaces; and a
charge that stands elsewhere is not entered.
"""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """What a change does to code that uses the client, worst first."""

    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    DOCUMENTATION = "documentation"


_BREAKING = """
    api-address-changed security-scheme-changed security-changed stream-class-changed
    operation-removed operation-renamed operation-moved method-renamed model-removed charge-changed
    paging-removed paging-changed
    parameter-added-required parameter-removed parameter-became-required parameter-serialization-changed
    parameter-moved-out-of-client
    request-body-added-required request-body-removed request-body-became-required request-media-type-removed
    request-member-added-required request-member-removed request-member-became-required request-type-narrowed
    request-type-changed request-enum-value-removed
    request-enum-value-replaced request-enum-set request-bound-tightened request-bound-changed
    request-pattern-set request-pattern-changed request-format-set request-format-changed request-constant-set
    request-constant-changed request-alternative-removed request-closed
    success-response-added success-response-removed response-header-removed response-media-type-removed
    response-body-removed
    response-member-removed response-member-became-optional response-type-widened response-type-changed
    response-enum-value-added response-enum-value-replaced response-enum-dropped response-bound-relaxed
    response-bound-changed
    response-pattern-dropped response-pattern-changed response-format-dropped response-format-changed
    response-constant-dropped response-constant-changed response-alternative-added
    error-status-changed
"""
_COMPATIBLE = """
    api-address-added security-alternative-added security-scheme-added
    operation-added operation-deprecated model-added charge-added charge-removed paging-added
    parameter-added-optional parameter-became-optional
    request-body-added-optional request-body-became-optional request-media-type-added
    request-member-added-optional request-member-became-optional request-type-widened request-enum-value-added
    request-enum-dropped request-bound-relaxed request-pattern-dropped request-format-dropped request-constant-dropped
    request-default-changed request-alternative-added request-opened request-member-deprecated
    error-response-added error-response-removed success-response-described response-header-added
    response-media-type-added response-body-added
    response-member-added response-member-added-required
    response-member-became-required response-type-narrowed response-enum-value-removed
    response-open-enum-value-added response-enum-set response-bound-tightened response-pattern-set response-format-set
    response-constant-set response-alternative-removed response-default-changed response-opened response-closed
    response-member-deprecated parameter-deprecated
    error-code-added error-code-removed error-retry-changed
"""
_DOCUMENTATION = """
    version-changed description-changed example-changed documented-errors-changed extension-changed tags-described
    rephrased link-changed component-renamed
"""

KINDS: dict[str, Effect] = {
    **dict.fromkeys(_BREAKING.split(), Effect.BREAKING),
    **dict.fromkeys(_COMPATIBLE.split(), Effect.COMPATIBLE),
    **dict.fromkeys(_DOCUMENTATION.split(), Effect.DOCUMENTATION),
}
# A change of no listed kind.
UNKNOWN = "unknown-change"


def effect_of(kind: str, impact: str = "major") -> Effect:
    """The effect of a kind of change; if it is not listed, the one that Redocly's `impact` stands for."""
    if kind in KINDS:
        return KINDS[kind]
    return {"major": Effect.BREAKING, "minor": Effect.COMPATIBLE}.get(impact, Effect.DOCUMENTATION)
