"""A name that the package does not offer, though it loads late what it offers."""

import aurous

print(aurous.Client)  # the error is here
