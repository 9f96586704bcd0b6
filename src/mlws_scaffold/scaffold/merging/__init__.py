"""An update as a merge: base and theirs rendered, merged with HEAD, one merge per project.

`private` is the repository in which everything happens, `templates` renders versions, `sides`
builds the three trees of a project by the rules, `clashes` refuses what cannot be merged at all,
`moves` finds what was moved, `trios` matches the files, `merge` merges, `outcome` says what became
of each file.
"""
