"""Asks for models that refer to one another from many threads at once; runs beside the package that has them.

Prints what went wrong, or nothing.
"""

from __future__ import annotations

import sys
import threading

from aurous_client import models

TREE = {"kind": "node", "left": {"kind": "leaf", "left": {"kind": "node", "left": {"kind": "leaf"}}}}
LEAF = {"kind": "leaf", "left": TREE}
THREADS = 8

faults: list[BaseException] = []
gate = threading.Barrier(THREADS)


def read(name: str, document: dict[str, object]) -> None:
    gate.wait()
    try:
        assert getattr(models, name).from_dict(document).to_dict() == document
    except BaseException as error:
        faults.append(error)


sys.setswitchinterval(1e-6)
threads = [
    threading.Thread(target=read, args=(("Node", TREE), ("Leaf", LEAF))[number % 2]) for number in range(THREADS)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*map(repr, faults), sep="\n", end="")
