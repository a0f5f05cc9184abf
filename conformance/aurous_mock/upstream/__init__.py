"""The gateway: forwards requests to an OpenAI-compatible server, and treats its responses as untrusted input."""
