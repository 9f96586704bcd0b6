"""An Ollama server for tests: the protocol of the real one, and its faults on demand.

    with running(FakeOllama(offered={"m:1"})) as fake:
        ... fake.url ...

It holds real manifests and blobs, so that digests mean something; inherits as the real one does;
and passes through the official client. What it says was read from the source of ollama/ollama
(0.33). It has no engine: what models answer is scripted (`fake.script`). As a process:
`python -m tests.support.fake_ollama`.
"""

from tests.support.fake_ollama.answering import Pace, Turn
from tests.support.fake_ollama.fake import FakeOllama, running
from tests.support.fake_ollama.faults import Fault, Kind
from tests.support.fake_ollama.library import Library, Offer, weights
from tests.support.fake_ollama.record import Asked
from tests.support.fake_ollama.registry import Registry, serving

__all__ = [
    "Asked",
    "FakeOllama",
    "Fault",
    "Kind",
    "Library",
    "Offer",
    "Pace",
    "Registry",
    "Turn",
    "running",
    "serving",
    "weights",
]
