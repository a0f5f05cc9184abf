"""A lock on an open file, which ends with the process that has it, however that ends."""

from __future__ import annotations

import sys
from typing import IO, Final

CAN_REPLACE_OPEN_FILES: Final = sys.platform != "win32"
"""Whether a file can be replaced by another while either of them is open."""

if sys.platform == "win32":
    import msvcrt

    # Beyond all data, since Windows keeps others from reading what is locked.
    _PLACE = 1 << 62

    def lock_file(file: IO[bytes]) -> None:
        """Lock a file. Raises BlockingIOError if another process has done so."""
        position = file.tell()
        file.seek(_PLACE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            raise BlockingIOError from None
        finally:
            file.seek(position)

else:
    import fcntl

    def lock_file(file: IO[bytes]) -> None:
        """Lock a file. Raises BlockingIOError if another process, or another part of this one, has done so."""
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
