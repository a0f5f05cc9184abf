"""A parameter that is misspelt."""

from aurous import Aurous

completion = Aurous().chat.completions.create(
    model="aurous-grow-2.0-pro",
    messages=[{"role": "user", "content": "Hi"}],
    max_token=100,  # the error is here
)
