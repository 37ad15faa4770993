"""The settings of the HTTP endpoint: where it listens, who may ask, and how much."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_config_path, user_data_path
from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from completer.setting_kinds import APP, Count, Milliseconds, Seconds, Section

TOKENS_FILE = "tokens.json"


def _origin(value: str) -> str:
    """An origin as browsers write it; raises `ValueError` for anything else."""
    parts = urlsplit(value.lower().removesuffix("/"))
    origin = f"{parts.scheme}://{parts.netloc}"
    if (
        not (parts.scheme and parts.netloc)
        or parts.username is not None
        or origin != parts.geturl()
    ):
        raise ValueError("an origin is a scheme, a host and perhaps a port: http://localhost:3000")
    return origin


def _token(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value().strip()
    if not secret:
        raise ValueError("the token is empty: set one, or leave the setting out")
    return SecretStr(secret)


def _git_address(value: str) -> str:
    """An address that git may fetch from; raises `ValueError` for any other."""
    parts = urlsplit(value)
    if parts.scheme not in ("https", "ssh") or not parts.hostname or not parts.path.strip("/"):
        raise ValueError("a repository is fetched from https://… or ssh://…")
    if parts.password is not None or (parts.scheme == "https" and parts.username is not None):
        raise ValueError("a password belongs into the file of deploy_key, as user:password")
    return value


class TeamWorkspace(Section):
    """A git repository that the server fetches for a team."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
    git: Annotated[str, AfterValidator(_git_address)]
    branch: Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./-]{0,199})?$")] = ""
    interval_minutes: Annotated[float, Field(ge=1, le=10_000)] = 10.0
    deploy_key: Path | None = Field(None, validate_default=True)
    ca_file: Path | None = None
    people: tuple[str, ...] | None = None
    max_mb: Count = 2_048

    @field_validator("deploy_key")
    @classmethod
    def _has_key(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        if key is None and str(others.data.get("git")).startswith("ssh:"):
            raise ValueError("ssh needs the file of a private key")
        return key


class ServerSettings(Section):
    """The HTTP endpoint."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8012
    token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        None, description="if set, every route but health needs it"
    )
    tokens: Path = Field(
        default_factory=lambda: user_config_path(APP) / TOKENS_FILE,
        description="file of the tokens of each person, which `completer token` looks after",
    )
    allowed_hosts: tuple[str, ...] = Field((), description="more host names to answer to")
    allowed_origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = Field(
        (), description="web pages that may ask, such as `http://localhost:3000`"
    )
    tls_cert: Path | None = Field(
        None, description="file of the certificate, and those above it; with it, all is encrypted"
    )
    tls_key: Path | None = Field(None, description="file of its key, if that is another one")
    root_path: str = Field(
        "", description="what a proxy has this server's paths begin with, such as `/completer`"
    )
    forwarded_allow_ips: str = Field(
        "",
        description="addresses of proxies, with commas, whose `X-Forwarded` headers are believed",
    )
    mirrors: Path = Field(
        default_factory=lambda: user_data_path(APP) / "mirrors",
        description="where the files of people on other machines are kept",
    )
    mirror_mb: Count = Field(512, description="what one person's mirrors may take")
    mirror_files: Count = Field(100_000, description="files that one person's mirrors may have")
    mirror_days: Annotated[float, Field(gt=0)] = Field(
        30.0, description="days without use after which a mirror is removed"
    )
    team_workspaces: tuple[TeamWorkspace, ...] = Field(
        (), description="git repositories that the server fetches for a team"
    )
    team_folder: Path = Field(
        default_factory=lambda: user_data_path(APP) / "teams",
        description="where these are kept; nothing else may lie in it",
    )
    max_body_mb: Count = 4
    max_header_kb: Count = 32
    header_timeout_s: Seconds = 10.0
    body_timeout_s: Seconds = 10.0
    keep_alive_s: Seconds = 5.0
    max_connections: Literal["auto"] | Count = Field(
        "auto",
        description="connections that may be open at once, others wait; auto: as many as the"
        " limit on open files leaves",
    )
    max_running: Count = Field(256, description="completions asked for at once, by all together")
    max_running_per_user: Count = Field(
        32, description="completions that one person may ask for at once"
    )
    retry_after_s: Seconds = Field(1.0, description="when who was refused is told to ask again")
    stream_group_ms: Literal["auto"] | Milliseconds = Field(
        "auto",
        description="streamed text is gathered for so long, so that its timing does not show what"
        " was drafted; auto: 50 where other machines can ask, else 0",
    )

    @field_validator("team_workspaces")
    @classmethod
    def _told_apart(cls, workspaces: tuple[TeamWorkspace, ...]) -> tuple[TeamWorkspace, ...]:
        if len({each.name.casefold() for each in workspaces}) < len(workspaces):
            raise ValueError("two of them have one name")
        return workspaces
