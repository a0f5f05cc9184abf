"""Reads openapi.yaml and its released versions into contracts: operations and error codes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aurous_mock.contract import operations, renames
from aurous_mock.contract.document import Document
from aurous_mock.contract.operations import Operation
from aurous_mock.contract.renames import NONE, Names
from aurous_mock.contract.yaml_reader import YAMLError, parse_yaml
from aurous_mock.errors import UNDOCUMENTED, Code, type_for

# Released versions. Each bump adds a file; none is ever edited.
RELEASED = Path(__file__).resolve().parents[1] / "specs"


class ContractError(Exception):
    """A spec file is missing, or is not one of this API."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One dated version of the API. error_names: its names in error envelopes"""

    version: str
    codes: Mapping[str, Code]
    operations: tuple[Operation, ...] = ()
    error_names: Names = NONE

    def match(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation that serves a request, with its path parameters; None if this version has none."""
        for operation in self._at(raw_path):
            parameters = operation.match(method, raw_path)
            if parameters is not None:
                return operation, parameters
        return None

    def methods(self, raw_path: str) -> list[str]:
        """The HTTP methods that this version has at a path."""
        return sorted({each.method for each in self._at(raw_path)})

    def _at(self, raw_path: str) -> Iterator[Operation]:
        """The operations of the most concrete path that matches.

        The method has no part in this: a path in the spec hides the templated ones that match it too, as OpenAPI says
        of URLs and most routers do.
        """
        matching = (each for each in self.operations if each.match(each.method, raw_path) is not None)
        first = next(matching, None)
        if first is not None:
            yield first
            yield from (each for each in matching if each.path == first.path)

    def code(self, name: str, status: int | None = None) -> Code:
        """The documented code; for an undocumented one, a code with `status` (by default 500) and a type that fits."""
        known = self.codes.get(name)
        if known is None:
            status = status or 500
            return Code(name, status, type_for(status))
        return known if status is None else Code(known.name, status, known.type)


@dataclass(frozen=True, slots=True)
class Contracts:
    """All served versions, and the one that applies where a request names none."""

    by_version: Mapping[str, Contract]
    current: Contract


def default_spec() -> Path:
    """The spec inside an installed package, or at the root of a checkout."""
    here = Path(__file__).resolve().parents[1]
    for candidate in (here / "openapi.yaml", here.parents[1] / "openapi.yaml"):
        if candidate.is_file():
            return candidate
    raise ContractError("openapi.yaml is neither in the package nor at the root of the checkout; name one with --spec")


def load(paths: Iterable[Path] = ()) -> Contracts:
    """Read the given specs; by default the shipped and the released ones. The newest is the current one."""
    documents = _documents(paths)
    contracts = {
        version: _contract(path, document, [other for _, other in documents.values() if other is not document])
        for version, (path, document) in documents.items()
    }
    return Contracts(by_version=contracts, current=contracts[max(contracts)])


def _documents(paths: Iterable[Path]) -> dict[str, tuple[Path, Document]]:
    chosen = [*paths]
    documents = [(path, _read(path)) for path in chosen or [default_spec()]]
    by_version = {_version(path, document): (path, document) for path, document in documents}
    if not chosen:
        for path in sorted(RELEASED.glob("*.yaml")):
            # The default spec replaces the released one of the same version.
            if path.stem not in by_version:
                by_version[path.stem] = (path, _read(path))
    return by_version


def _read(path: Path) -> Document:
    try:
        return _parse(path.read_bytes())
    except OSError as error:
        raise ContractError(f"cannot read {path}: {error.strerror}") from error
    except (YAMLError, TypeError, ValueError) as error:
        raise _unusable(path, error) from error


# Servers of one process, as in a user's tests, share what takes longest of a start. Nobody changes a document.
@lru_cache(maxsize=8)
def _parse(raw: bytes) -> Document:
    root = parse_yaml(raw)
    if not isinstance(root, dict):
        raise ValueError("it is not an OpenAPI document")
    return Document(root)


def _version(path: Path, document: Document) -> str:
    try:
        return str(document.root["info"]["version"])
    except (KeyError, TypeError) as error:
        raise _unusable(path, error) from error


def _contract(path: Path, document: Document, others: list[Document]) -> Contract:
    try:
        names = _error_names(document)
        return Contract(
            version=_version(path, document),
            codes=_codes(document.root["components"]["x-error-codes"], names),
            operations=operations.read(document, others),
            error_names=names,
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> ContractError:
    reason = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
    return ContractError(f"{path} is not a contract the mock can serve: {reason}")


def _error_names(document: Document) -> Names:
    envelope = (document.root["components"].get("schemas") or {}).get("ErrorEnvelope", {})
    return renames.of_schema(document, envelope)


def _codes(documented: Mapping[str, Mapping[str, Any]], names: Names) -> dict[str, Code]:
    """The codes by name; those with another name in the code by either."""
    codes = {name: Code(name, _status(row["status"]), str(row["type"])) for name, row in documented.items()}
    canonical = names.within("error", "code").values
    return UNDOCUMENTED | codes | {name: codes[new] for name, new in canonical.items() if new in codes}


def _status(documented: int | str) -> int:
    # Some pages name only the class of a status; the mock has to choose one.
    return {"4XX": 422, "5XX": 502}.get(str(documented)) or int(documented)
