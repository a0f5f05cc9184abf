"""Functions as tools, the tool loop, and classes as answers. Internal: what is public is exported by `aurous`."""
