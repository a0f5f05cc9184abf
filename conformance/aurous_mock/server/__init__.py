"""The process: command line, settings, sockets and workers."""
