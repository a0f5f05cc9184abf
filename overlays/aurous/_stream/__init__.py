"""One streamed answer: parsing, accumulating, timeouts and recovery, without I/O."""
