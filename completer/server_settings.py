"""The settings of the HTTP endpoint: where it listens, who may ask, and how much."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from platformdirs import user_config_path, user_data_path
from pydantic import AfterValidator, Field, SecretStr

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
    max_tokens_per_minute: Count | None = Field(
        None, description="tokens that one person may have computed in a minute, over HTTP"
    )
    retry_after_s: Seconds = Field(1.0, description="when who was refused is told to ask again")
    stream_group_ms: Literal["auto"] | Milliseconds = Field(
        "auto",
        description="streamed text is gathered for so long, so that its timing does not show what"
        " was drafted; auto: 50 where other machines can ask, else 0",
    )
