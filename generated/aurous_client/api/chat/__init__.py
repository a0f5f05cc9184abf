"""Create, retrieve and cancel chat completions."""
