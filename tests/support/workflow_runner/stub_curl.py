"""curl: the installer of Ollama, which then installs nothing: the stub of `ollama` is there."""

from pathlib import Path

from stub import asked, refuse

words = asked("curl")
if words[:2] == ["-fsSL", "https://ollama.com/install.sh"] and words[2] == "-o":
    Path(words[3]).write_text("#!/bin/sh\ncommand -v ollama\n")
else:
    refuse("curl", words)
