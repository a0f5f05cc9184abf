"""What changed between two versions of the spec, and whom it breaks.

`sources` reads the two, `engine` finds the differences, `usage` tells which of them are about requests and which about
responses, `reshaping` and `extras` see what the engine does not, `rules` judges for a client, `forms` writes it down.
"""
