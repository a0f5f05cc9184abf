"""The gateway: forwards requests to an OpenAI-compatible server, and reads what it sends as input like any other."""
