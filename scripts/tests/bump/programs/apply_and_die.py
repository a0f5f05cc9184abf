"""Applies a copy's changes and kills itself, as a power cut would, at the Nth file operation.

python apply_and_die.py COPY HOME N
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from release import apply

copy, home, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
touched = 0


def dying(act):
    def wrapper(*arguments):
        global touched
        touched += 1
        if touched == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*arguments)

    return wrapper


os.replace, os.remove = dying(os.replace), dying(os.remove)
apply.apply_changes(copy, home)
