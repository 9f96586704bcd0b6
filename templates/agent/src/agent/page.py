"""The page at `/` on which a person talks to the agent: one static file, nothing from elsewhere."""

import base64
import hashlib
import re
from html import escape
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

_TEXT = Path(__file__).with_name("page.html").read_text(encoding="utf-8")


def page(name: str, *, with_key: bool) -> APIRouter:
    """Return the route; the page knows the agent's name and whether it has to ask for a key."""
    text = _TEXT.replace("AGENT_NAME", escape(name, quote=True))
    text = text.replace("KEY_NEEDED", str(with_key).lower())
    allowed = " ".join(f"'sha256-{digest}'" for digest in _digests(text, "script"))
    styles = " ".join(f"'sha256-{digest}'" for digest in _digests(text, "style"))
    policy = f"default-src 'none'; connect-src 'self'; script-src {allowed}; style-src {styles}"
    headers = {
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    routes = APIRouter()

    @routes.get("/", include_in_schema=False)
    async def home() -> Response:
        """Return the page."""
        return HTMLResponse(text, headers=headers)

    return routes


def _digests(text: str, tag: str) -> list[str]:
    """Return what a policy allows by hash: no other script or style of the page may run."""
    inner = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    return [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in inner]
