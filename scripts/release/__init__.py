"""A release that speaks another version of the API.

`versions` knows numbers and dates, `archive` the released specs, `changelog` the changelog; `bumping` does the steps in
a copy of the tree, `landing` brings the copy's changes home, `remainder` tells what is left for a person.
"""
