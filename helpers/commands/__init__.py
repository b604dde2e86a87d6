"""The command line, one file per family; `helpers.__main__` is its table of contents.

For each command NAME: `add_NAME(parser)` describes its options, `NAME(options)` does it
and returns the exit status, or nothing where all is well.
"""
