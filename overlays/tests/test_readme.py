"""What the README says works: its examples run, in order, against the mock; its commands name what exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytest_plugins = ["pytester"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_first_shell_block_is_run_and_test() -> None:
    commands = blocks("sh")[0].splitlines()
    assert commands == ["python3 scripts/run.py", "python3 scripts/test.py"]


def test_scripts_that_are_named_exist() -> None:
    named = set(re.findall(r"scripts/\w+\.py", README))
    assert named
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_examples_run(aurous_mock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {}
    examples = [block for block in blocks("python") if "def test_" not in block]
    for example in examples:
        exec(compile(example, "README.md", "exec"), namespace)
    said = capsys.readouterr().out
    assert "404 resource_not_found model req_" in said
    assert "stop" in said
    assert len(aurous_mock.ledger()) >= 5
    namespace["client"].close()


def test_service_example_runs(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        my_service="""
        from aurous import Aurous
        from aurous.retries import RetryPolicy

        def summarise(text):
            with Aurous(retry=RetryPolicy(first_delay=0)) as client:
                messages = [{"role": "user", "content": text}]
                answer = client.chat.completions.create(model="aurous-grow-2.0-pro", messages=messages)
                return answer.choices[0].message.content
        """
    )
    (example,) = [block for block in blocks("python") if "def test_" in block]
    pytester.makepyfile(test_service=f"import my_service\n\n{example}")
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
