"""A result that is taken for something else."""

from aurous import Aurous

completion = Aurous().chat.completions.create(
    model="aurous-grow-2.0-pro",
    messages=[{"role": "user", "content": "Hi"}],
)
print(completion.choices[0].text)  # the error is here
