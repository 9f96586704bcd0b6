"""Makes an Ollama server hold what the registry names: what is asked for, what differs, the work.

`order` knows what is wished for, `decide` judges one wish against given facts, `plan` gathers the
facts, `execute` acts. Only `server` and `plan` ask the server.
"""
