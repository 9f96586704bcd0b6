"""An Ollama server over HTTP: what it is and holds, changing it, asking its models.

Answers are believed only when they have the documented form, and a pull or a build only when its
last line is `{"status":"success"}`: HTTP 200 proves nothing. Every stream is watched, and closing
one closes the connection, which is what makes the server stop.
"""

from mlws_scaffold.adapters.ollama.answering import Answer, chat, load, unload
from mlws_scaffold.adapters.ollama.changing import (
    Progress,
    copy,
    create,
    delete,
    has_blob,
    pull,
    upload,
)
from mlws_scaffold.adapters.ollama.failures import ServerError
from mlws_scaffold.adapters.ollama.manifests import Remote, remote_manifest
from mlws_scaffold.adapters.ollama.names import address, full_name, is_cloud
from mlws_scaffold.adapters.ollama.needs import TooOld
from mlws_scaffold.adapters.ollama.reading import Held, Loaded, held, installed, loaded, version
from mlws_scaffold.adapters.ollama.showing import Shown, show

__all__ = [
    "Answer",
    "Held",
    "Loaded",
    "Progress",
    "Remote",
    "ServerError",
    "Shown",
    "TooOld",
    "address",
    "chat",
    "copy",
    "create",
    "delete",
    "full_name",
    "has_blob",
    "held",
    "installed",
    "is_cloud",
    "load",
    "loaded",
    "pull",
    "remote_manifest",
    "show",
    "unload",
    "upload",
    "version",
]
