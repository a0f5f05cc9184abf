"""An argument of the wrong type."""

from aurous import Aurous

completion = Aurous().chat.completions.create(
    model="aurous-grow-2.0-pro",
    messages=[{"role": "user", "content": "Hi"}],
    seed="100",  # the error is here
)
