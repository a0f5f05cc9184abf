"""Lists what a bump leaves for a person, from the changes of the spec."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from specdiff.changes import Change, Report
from specdiff.kinds import Effect
from specdiff.usage import Side

from . import mentions, renames

_SHOWN = 8
_GROUPED = {
    "operation-added": (
        "The mock answers by the spec's examples alone, or by values that fit:",
        "give behaviour to those whose effect later calls have to see, and rules to the suite.",
    ),
    "error-code-added": (
        "New codes, which the mock sends as injected faults alone, and the client by the class of their status:",
        "see whether one is for the mock to send by itself, or for overlays/aurous/_request/error_mapping.py.",
    ),
    "request-default-changed": ("Defaults changed, of", "see whether the mock follows."),
}
_ALWAYS = (
    "Read the entry in CHANGELOG.md, and say in it what a user has to do about each breaking change.",
    "Run `python scripts/check.py` and look at `git diff`, generated/ included.",
    "Commit, tag the commit with the package's version, and publish.",
)


def tasks(report: Report, root: Path) -> list[str]:
    """The tasks. root: the tree, in whose files what is gone is looked for"""
    followed = renames.new_names(report)
    uses = [*_uses(report, root)]
    listed = {change for change, _ in uses}
    others = (change for change in report.changes if change not in listed)
    lines = (line for change in others for line in _of(change, report.old.version, followed))
    return [*dict.fromkeys((*_renamed(report), *(text for _, text in uses), *lines, *_grouped(report))), *_ALWAYS]


def _grouped(report: Report) -> Iterator[str]:
    """One line for all changes of a kind that seldom needs more than a look."""
    for kind, (begin, end) in _GROUPED.items():
        subjects = [change.subject for change in report.changes if change.kind == kind]
        if subjects:
            shown = ", ".join(subjects[:_SHOWN])
            more = f" and {len(subjects) - _SHOWN} more" if len(subjects) > _SHOWN else ""
            yield f"{begin} {shown}{more}; {end}"


def _renamed(report: Report) -> Iterator[str]:
    """What to say in the spec, so that mock and suite follow a rename by themselves."""
    for model, name, new in renames.undeclared(report):
        yield (
            f"`{model}.{name}` is gone and `{new}` has the same schema: if it is a new name, say "
            f"`{renames.MEMBER}: {name}` there in openapi.yaml, and mock and suite need no edit."
        )


def _uses(report: Report, root: Path) -> Iterator[tuple[Change, str]]:
    """The lines that use what is gone, which are the ones to edit. Mock and suite follow renames by themselves."""
    tree, renamed = mentions.Tree(root), renames.declared(report)
    for change, names in mentions.lost_names(report):
        is_renamed = names[-1] in renamed
        mentioned = [
            each
            for each in tree.find(names, is_renamed=is_renamed)
            if not is_renamed or not each.path.as_posix().startswith("conformance/")
        ]
        if mentioned:
            fate = "has a new name" if is_renamed else "is gone"
            lines = "".join(f"\n    {each}" for each in mentioned)
            yield change, f"`{names[-1]}` ({change.subject}) {fate}; it is used in{lines}"


def _of(change: Change, earlier: str, followed: set[str]) -> Iterator[str]:
    """The tasks of one change. followed: the members under a new name, with which the mock needs no help"""
    match change.kind:
        case "response-member-added-required" | "response-member-became-required":
            yield f"{change.subject} is optional in the client, which may be pinned to {earlier}: say so to users."
            if change.subject not in followed:
                yield f"The mock does not send {change.subject}: let it."
        case "response-member-added" if change.subject not in followed:
            yield f"The mock does not send {change.subject}: let it, where it is to be seen in tests."
        case "response-member-removed":
            yield f"Look for uses of {change.subject} in overlays/ and README.md."
        case "error-status-changed" | "error-code-removed":
            yield f"Look at {change.subject} in overlays/aurous/_request/error_mapping.py and in the mock."
        case kind if kind in _GROUPED:
            return
        case _ if change.effect is Effect.BREAKING and change.side is Side.REQUEST:
            yield f"Look at calls in overlays/, README.md and the suite that use {change.subject} ({change.kind})."
