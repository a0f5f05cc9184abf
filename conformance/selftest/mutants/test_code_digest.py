"""Which recorded results an edit of the suite voids: those whose code it changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from mutants.catalogue import ALL
from mutants.code_digest import CodeDigest
from mutants.registry import Kind, Variant

FILES = {
    "rules/conftest.py": "LIMIT = 3\n",
    "rules/scenarios.py": "def modes():\n    return [False, True]\n",
    "rules/test_streams.py": """\
from .scenarios import modes

@rule("stream.done", sentence="A stream ends with [DONE].")
def test_done():
    assert modes()
""",
    "rules/test_limits.py": """\
from harness.generation.bounds import LOWEST

def test_limit():
    assert LIMIT == 3 > LOWEST
""",
    "rules/test_every_response.py": "def test_every_response():\n    pass\n",
    "harness/checks/frames.py": "def check(frame):\n    return frame.done\n",
    "harness/plugin.py": "from harness.checks import frames\nfrom harness.client import send\n",
    "harness/client.py": "def send():\n    return 1\n",
    "harness/generation/bounds.py": "LOWEST = 0\n",
    "mutants/variants/streams.py": """\
'Variants.'

from mutants.variants.pages import PAGE, rename

SUFFIX = "x"
SENTENCE = "A stream ends."

@fault.frame("stream.done", SENTENCE, PAGE)
def drop_done(frame):
    return rename(frame)

@fault.frame("stream.renamed", "A stream has an id.", PAGE)
def add_suffix(frame):
    frame.id += SUFFIX

for name in ("a", "b"):
    fault.frame(f"stream.{name}", name, PAGE)(drop_done)
""",
    "mutants/variants/pages.py": """\
PAGE = "streaming"

def rename(frame):
    return frame

def other():
    pass
""",
    "independent/faults/keys.py": '''\
@FAULTS.plant("idempotency", "replay")
def key_forgotten(application):
    """A key is forgotten."""
    application.keys.clear()
''',
}
EVERY_RULE = ""


@dataclass(frozen=True)
class FakeVariant(Variant):
    where: str

    @property
    def module(self) -> str:
        return self.where


def variant(name: str, module: str = "mutants.variants.streams") -> FakeVariant:
    return FakeVariant(name, Kind.FAULT, "", "", module)


DONE, RENAMED, LOOPED = variant("stream.done"), variant("stream.renamed"), variant("stream.a")
FORGOTTEN = variant("key_forgotten", "independent.faults.keys")
Edit = Callable[[str, str, str], CodeDigest]


def write_suite(folder: Path, files: Mapping[str, str]) -> CodeDigest:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return CodeDigest(folder)


@pytest.fixture
def before(tmp_path: Path) -> CodeDigest:
    return write_suite(tmp_path / "before", FILES)


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """The digests of the suite with a text of one file replaced."""

    def edit(name: str, old: str, new: str) -> CodeDigest:
        assert old in FILES[name]
        return write_suite(tmp_path / "after", {**FILES, name: FILES[name].replace(old, new)})

    return edit


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("rules/test_limits.py", "    assert", "    # A comment.\n    assert"),
        ("rules/test_limits.py", "def test_limit():", 'def test_limit():\n    """A docstring."""'),
        ("rules/test_limits.py", "LIMIT == 3 > LOWEST", "(\n        LIMIT == 3 > LOWEST\n    )"),
        ("rules/test_streams.py", "A stream ends with [DONE].", "Streams end with [DONE]."),
        ("mutants/variants/streams.py", '"A stream has an id."', '"Another sentence."'),
        ("mutants/variants/streams.py", '"A stream ends."', '"Streams end."'),
        ("mutants/variants/streams.py", "def add_suffix", "def append_suffix"),
        ("mutants/variants/streams.py", "'Variants.'", "'Faults.'"),
        ("independent/faults/keys.py", "A key is forgotten.", "A key is lost."),
    ],
)
def test_prose_voids_nothing(before: CodeDigest, edited: Edit, name: str, old: str, new: str) -> None:
    after = edited(name, old, new)
    for each in (DONE, RENAMED, FORGOTTEN):
        for rules in (EVERY_RULE, "test_limits", "test_streams"):
            assert before(each, rules) == after(each, rules)


@pytest.mark.parametrize(
    ("name", "old", "new", "void"),
    [
        ("rules/test_limits.py", "== 3", "== 4", {EVERY_RULE, "test_every_response", "test_limits"}),
        ("rules/test_streams.py", "modes()", "not modes()", {EVERY_RULE, "test_every_response", "test_streams"}),
        ("rules/scenarios.py", "False", "None", {EVERY_RULE, "test_every_response", "test_streams"}),
        ("rules/conftest.py", "3", "4", {EVERY_RULE, "test_every_response", "test_limits", "test_streams"}),
        ("harness/checks/frames.py", "done", "end", {EVERY_RULE, "test_every_response", "test_limits", "test_streams"}),
        ("harness/generation/bounds.py", "0", "1", {EVERY_RULE, "test_every_response", "test_limits"}),
        ("harness/client.py", "1", "2", set[str]()),
        ("mutants/variants/pages.py", "pass", "return 1", set[str]()),
    ],
)
def test_edited_rules_void_what_depends_on_them(
    before: CodeDigest, edited: Edit, name: str, old: str, new: str, void: set[str]
) -> None:
    after = edited(name, old, new)
    for rules in (EVERY_RULE, "test_every_response", "test_limits", "test_streams"):
        assert (before(DONE, rules) != after(DONE, rules)) is (rules in void), rules


@pytest.mark.parametrize(
    ("name", "old", "new", "void"),
    [
        # One variant, a constant of one, and a definition that another module has.
        ("mutants/variants/streams.py", "return rename(frame)", "return [rename(frame)]", {DONE, LOOPED}),
        ("mutants/variants/streams.py", '"x"', '"y"', {RENAMED, LOOPED}),
        ("mutants/variants/pages.py", "return frame", "return None", {DONE, LOOPED}),
        # What is registered in a loop may be defined by anything in the module.
        ("mutants/variants/streams.py", '("a", "b")', '("a", "b", "c")', {LOOPED}),
        ("mutants/variants/streams.py", 'fault.frame("stream.done"', 'fault.response("stream.done"', {DONE, LOOPED}),
        ("independent/faults/keys.py", "clear()", "pop()", {FORGOTTEN}),
    ],
)
def test_edited_variant_voids_its_own_results(
    before: CodeDigest, edited: Edit, name: str, old: str, new: str, void: set[Variant]
) -> None:
    after = edited(name, old, new)
    for each in (DONE, RENAMED, LOOPED, FORGOTTEN):
        assert (before(each, "test_limits") != after(each, "test_limits")) is (each in void), each.id


def test_code_of_every_module_of_variants_is_read() -> None:
    digest = CodeDigest()
    one_of_each = {variant.module: variant for variant in ALL.values()}
    without = {variant.id for variant in one_of_each.values() if not [*digest.variant_code(variant)]}
    assert without == {"independent.plain"}
