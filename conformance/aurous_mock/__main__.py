"""Runs the mock, as `aurous-mock` and as `python -m aurous_mock`; reports which extra is missing."""

import sys


def main() -> None:
    try:
        from aurous_mock.server import cli
    except ModuleNotFoundError as missing:
        print(f"aurous-mock: {missing.name} is missing; run: pip install 'aurous-labs[mock]'", file=sys.stderr)
        sys.exit(2)
    cli.main()


if __name__ == "__main__":
    main()
