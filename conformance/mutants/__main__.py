"""Serves one variant from the command line: `python -m mutants ID`."""

import sys
import threading

from mutants.catalogue import ALL
from mutants.variant_server import running


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in ALL:
        for variant in ALL.values():
            print(f"{variant.kind:9} {variant.id:40} {variant.sentence}")
        return 2
    with running(ALL[sys.argv[1]]) as url:
        print(f"{sys.argv[1]} listening on {url}", flush=True)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
