"""A model that there is not."""

from aurous import models

print(models.Completion(id="cmp_1"))  # the error is here
