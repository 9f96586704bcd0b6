"""From an experiment to a prototype, from there to production: what is asked, what goes along."""
