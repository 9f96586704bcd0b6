"""An update as a merge: base and theirs rendered, merged with HEAD, one merge per project.

`private` is the repository in which everything happens, `templates` renders versions, `sides`
builds the three trees of a project by the rules, `moves` finds what the team moved, `clashes` what
cannot be merged at all, `merge` merges, `outcome` says what became of each file.
"""
