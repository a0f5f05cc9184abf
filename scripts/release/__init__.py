"""Releases a new version of the API.

`versions` has version numbers and dates, `archive` the released specs, `changelog` the changelog. `bump_steps` carries
out the steps in a copy of the tree, `affected_tests` selects the tests to run first, `apply` applies the copy's changes
to the tree, and `checklist` lists what is left for a person, with the lines that `mentions` finds and the new names
that `renames` sees.
"""
