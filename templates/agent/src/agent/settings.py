"""Settings: `agent.yaml` says who the agent is, `config.yaml` how it runs, AGENT_* variables win.

Secrets come from files alone: there is no key in `config.yaml` or the environment to leak.
"""

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

TUNING = ("limits", "timeouts", "sampling", "logging")

Seconds = Annotated[float, Field(gt=0, le=3600)]
Count = Annotated[int, Field(ge=1)]


class SettingsError(Exception):
    """The agent must not start; the message names the file, the field and what to write."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Section):
    running: Count = 4
    queued: Annotated[int, Field(ge=0)] = 16
    body_bytes: Count = 262_144
    messages: Count = 64
    input_tokens: Count = 16_384


class Timeouts(_Section):
    connect: Seconds = 2
    first_token: Seconds = 120
    between_tokens: Seconds = 30
    total: Seconds = 300
    drain: Annotated[float, Field(ge=0)] = 5
    shutdown: Annotated[int, Field(ge=1)] = 30


class Sampling(_Section):
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.3
    top_p: Annotated[float, Field(gt=0, le=1)] = 0.9
    num_predict: Count = 1024
    seed: int | None = None


class Logging(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    content: bool = False


class Identity(BaseModel):
    """What the server needs of `agent.yaml`; the other fields are for people and for checks."""

    name: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)]


class Settings(BaseSettings):
    """Everything the server is told; read once, then frozen."""

    model_config = SettingsConfigDict(
        env_prefix="AGENT_", env_nested_delimiter="__", env_ignore_empty=True, frozen=True
    )

    home: Path
    name: str
    model: str
    environment: Literal["development", "production"] = "production"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    page: bool | None = None  # a page to talk to the agent; None: in development only
    openapi: bool | None = None  # the description at /openapi.json; None: in development only
    api_keys_file: Path = Path("/run/secrets/api_keys")
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    sampling: Sampling = Sampling()
    logging: Logging = Logging()

    def shows(self, wish: bool | None) -> bool:
        """Say whether something is shown that production hides unless it is asked for."""
        return self.environment == "development" if wish is None else wish

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # The files arrive as arguments, and the environment overrules them, key by key.
        return env_settings, init_settings


def load_settings(home: Path | None = None) -> Settings:
    """Read the files of the agent in `home` (else AGENT_HOME, else the current folder)."""
    home = home or Path(os.environ.get("AGENT_HOME") or Path.cwd())
    try:
        identity = Identity.model_validate(_read(home / "agent.yaml"))
    except ValidationError as error:
        raise SettingsError(_explain("agent.yaml", error)) from None
    tuning = _read(home / "config.yaml")
    if foreign := sorted(str(key) for key in tuning if key not in TUNING):
        raise SettingsError(f"config.yaml: {foreign[0]}: only {', '.join(TUNING)} belong here")
    try:
        return Settings(home=home, **identity.model_dump(), **tuning)
    except ValidationError as error:
        raise SettingsError(_explain("config.yaml or AGENT_*", error)) from None


def load_keys(settings: Settings) -> tuple[bytes, ...]:
    """Return the API keys, one a line, two while they are rotated; none only in development."""
    path = settings.api_keys_file
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    keys = tuple(key for line in lines if (key := line.strip()))
    if len(keys) > 2 or any(len(key) < 16 for key in keys):
        raise SettingsError(f"{path}: write one or two keys of at least 16 characters, one a line")
    if not keys and settings.environment != "development":
        raise SettingsError(f"{path}: no API key (only AGENT_ENVIRONMENT=development needs none)")
    return keys


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: write a mapping of keys to values")
    return content


def _explain(source: str, error: ValidationError) -> str:
    return "\n".join(
        f"{source}: {'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors()
    )
