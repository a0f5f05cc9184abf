"""A pytest plugin that keeps slow machines, chance, ignored interrupts and the garbage of imports out of results.

It has two profiles of Hypothesis: `quick`, of a few examples, and `thorough`, of many, on demand by
`--hypothesis-profile=thorough`. Each draws the same examples in every run; `--hypothesis-seed` draws others.
"""

from __future__ import annotations

import gc
import signal

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested.
_CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
_EXAMPLES = {"quick": 40, "thorough": 200}


def pytest_configure(config: pytest.Config) -> None:
    # Hypothesis prefers derandomization to a seed.
    is_repeatable = config.getoption("--hypothesis-seed", None) is None
    for name, count in _EXAMPLES.items():
        settings.register_profile(name, _CALM, max_examples=count, derandomize=is_repeatable)
    settings.load_profile(config.getoption("--hypothesis-profile", None) or "quick")
    # A job in the background of a script is started with Ctrl-C ignored, and hands that on to all it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # What is loaded from now until the first test stays: to look for garbage in it is in vain, then and later.
    gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()
