"""The probe of the container: exit 0 when `/livez` answers 200, else 1.

Standard library only, and no urllib: that would follow redirects and a proxy from the environment.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException


def alive(port: int) -> bool:
    """Ask the server of this machine whether it lives; a wait of more than two seconds is a no."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not alive(int(os.environ.get("AGENT_PORT", "8000"))))
