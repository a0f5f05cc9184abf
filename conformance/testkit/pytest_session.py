"""A pytest plugin that keeps slow machines, chance, ignored interrupts and the garbage of imports out of results.

It has two profiles of Hypothesis: `quick`, which draws the same few examples in each run, and, on demand by
`--hypothesis-profile=thorough`, `thorough`, which draws many others each time.
"""

from __future__ import annotations

import gc
import signal

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested.
_THOROUGH = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=400)
_QUICK = settings(_THOROUGH, max_examples=40, derandomize=True)


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("thorough", _THOROUGH)
    settings.register_profile("quick", _QUICK)
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
