"""Examples of README.md and of docstrings, found and run by sybil."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sybil import Document, Example, Region, Sybil
from sybil.document import PythonDocStringDocument
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser
from sybil.region import Lexeme

ROOT = Path(__file__).resolve().parents[3]
README = ROOT / "README.md"


class DocStrings(PythonDocStringDocument):
    """The docstrings of a module, whose names an example imports as its reader would."""

    def import_document(self, example: Example) -> None:
        self.pop_evaluator(self.import_document)


def indented_blocks(document: Document) -> Iterator[Region]:
    """The paragraphs of a docstring that are indented: examples, where lists and sections are not."""
    lines = [line for line in document.text.split("\n")[1:] if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0) + 4
    for match in re.finditer(rf"(?<=\n\n)(?: {{{indent}}}.*\n|\n)+", document.text):
        source = Lexeme(textwrap.dedent(match[0]), 0, 0)
        yield Region(match.start(), match.end(), source, PythonEvaluator())


def readme_examples(language: str) -> list[Example]:
    return [*Sybil([CodeBlockParser(language, PythonEvaluator())]).parse(README).examples()]


def docstring_examples(module: Path) -> list[Example]:
    sybil = Sybil([indented_blocks], document_types={".py": DocStrings})
    return [*sybil.parse(module).examples()]


def run(example: Example, namespace: dict[str, Any]) -> dict[str, Any]:
    """Run an example in a namespace, with what others have left in it. Returns the namespace."""
    Example(example.document, example.line, example.column, example.region, namespace).evaluate()
    return namespace
