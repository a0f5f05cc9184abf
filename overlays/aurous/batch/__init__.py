"""Many requests, each charged once: `run` for threads, `arun` for asyncio, and the files that they read and write.

    from aurous import Aurous
    from aurous.batch import InputFile, run

    with Aurous() as client, InputFile("prompts.jsonl") as prompts:
        for result in run(client, prompts, checkpoint="answers.jsonl", model="aurous-grow-2.0-pro"):
            print(result.custom_id, result.text or result.error)

Run again after a crash, this sends what has no answer yet. The command `aurous batch` does the same.
"""

from .async_ import AsyncBatch, arun
from .checkpoint import CheckpointError, read
from .input_files import InputFile
from .results import BatchResult, InvalidLineError
from .scheduler import BatchWarning
from .summary import Summary
from .sync import Batch, run

__all__ = [
    "AsyncBatch",
    "Batch",
    "BatchResult",
    "BatchWarning",
    "CheckpointError",
    "InputFile",
    "InvalidLineError",
    "Summary",
    "arun",
    "read",
    "run",
]
