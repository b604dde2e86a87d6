"""The command line, one file per family; `helpers.__main__` is its table of contents.

For each command NAME a module has `add_NAME(parser)`, which describes its options, and
`NAME(options)`, which does it and returns the exit status.
"""
