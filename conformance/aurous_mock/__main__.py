"""Runs the mock as `python -m aurous_mock`; owns nothing else."""

from aurous_mock.cli import main

if __name__ == "__main__":
    main()
