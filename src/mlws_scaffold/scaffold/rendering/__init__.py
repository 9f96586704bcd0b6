"""A renderer for our own templates: the result of Copier without its cost.

`sources` says where the template's files are, `settings` reads `copier.yml`, `questions` turns what
is known into answers, `environment` holds Jinja, `tree` renders a kind into memory. What only
Copier can do is refused with `BeyondRenderer`, and the caller asks Copier.
"""
