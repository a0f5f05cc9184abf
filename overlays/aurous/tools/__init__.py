"""Functions as tools, the tool loop, and classes as answers."""
