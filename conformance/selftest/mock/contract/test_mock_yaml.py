"""The mock and the suite read YAML as the generator does: by the rules of YAML 1.2."""

from pathlib import Path

import pytest
from aurous_mock.contract.spec import ContractError, load
from aurous_mock.contract.yaml_reader import YAMLError, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [("off", "off"), ("NO", "NO"), ("yes", "yes"), ("012", 12), ("0o14", 12), ("12:30:00", "12:30:00"),
     ("1e3", 1000.0), ("~", None), ("true", True), ("'on'", "on")],
)  # fmt: skip
def test_scalars_are_read_by_yaml_1_2(tmp_path: Path, text: str, value: object) -> None:
    path = tmp_path / "scalar.yaml"
    path.write_text(f"a: {text}\n", encoding="utf-8")
    assert read_yaml(path) == {"a": value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a: [", id="unclosed"),
        pytest.param("a: 1\na: 2\n", id="member twice"),
        pytest.param("a: !!python/object:os.system 1", id="object of Python"),
        pytest.param("- " * 100_000, id="deep in dashes"),
        # Seconds, which ruamel.yaml takes to give up.
        pytest.param("[" * 100_000, id="deep in brackets", marks=pytest.mark.slow),
    ],
)
def test_text_that_is_no_spec_is_an_error_with_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(YAMLError):
        read_yaml(path)
    with pytest.raises(ContractError, match=r"broken\.yaml"):
        load([path])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not an OpenAPI document"),
        ("- a", "it is not an OpenAPI document"),
        ("{}", "it has no 'info'"),
        ('info: {version: "2026-01-01"}', "it has no 'components'"),
    ],
)
def test_spec_error_says_what_is_missing(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError, match=f"is not a contract the mock can serve: {reason}$"):
        load([path])
