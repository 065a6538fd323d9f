"""A package, so that pytest puts ``tests`` on the path and not this folder, whose names are those of libraries."""
