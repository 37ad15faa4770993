"""Builds what a front door is handed, without waiting for torch or the model."""

from concurrent.futures import Future
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from completer.cli.front_door import arms, described
from completer.cli.known_people import people_by_team
from completer.cli.options import identity_file
from completer.drafting.compiled import COMPILING, is_first_start
from completer.drafting.memory import settled_memory, trim
from completer.http.options import HttpOptions
from completer.http.report_options import ReportOptions
from completer.progress import progress
from completer.remote.mirrors import Mirrors, Quota
from completer.remote.team import TeamRepositories
from completer.serving.disabled import Disabled
from completer.serving.model_host import ModelHost
from completer.serving.service import Service
from completer.settings import Settings
from completer.workspaces.repositories import open_repositories

if TYPE_CHECKING:
    from completer.serving.running_model import RunningModel

KILOBYTE = 1 << 10
MEGABYTE = 1 << 20
OWN_FILES = 40
MIN_CONNECTIONS, MAX_CONNECTIONS = 8, 10_000
GROUP_STREAM_MS = 50.0  # on a shared server: long enough to hide which tokens were drafted


def start_service(settings: Settings) -> Service:
    """Open the workspaces, start loading the model, and return a service that waits for it."""
    tokenizer: Future[Tokenizer] = Future()

    def load() -> "RunningModel":
        try:
            with settled_memory():
                from completer.cli.assembly import build_engine, build_model, tokenizer_of
                from completer.serving.running_model import RunningModel
                from completer.serving.unplaced_drafts import UnplacedDrafts

                if settings.workspaces and is_first_start():
                    progress.info(COMPILING)
                model, tuning = build_model(settings, own_code=False)
        except BaseException:
            tokenizer.cancel()
            raise
        if not tokenizer.done():  # from now on files are read: how fast it runs is measured
            tokenizer.set_result(tokenizer_of(model))
        engine, unplaced = build_engine(model, tuning, settings), UnplacedDrafts(model)
        running = RunningModel(model, engine, settings, unplaced=unplaced)
        trim()
        return running

    repositories = open_repositories(settings, tokenizer)
    idle_s = 60.0 * settings.engine.idle_unload_minutes
    host = ModelHost(load, idle_s=idle_s, free=_free_memory)
    return Service(host, repositories, described(settings), Disabled(settings))


def mirrors(settings: Settings) -> Mirrors:
    """What is kept of people's files on other machines."""
    server = settings.server
    return Mirrors(
        server.mirrors.expanduser(),
        Quota(
            max_bytes=server.mirror_mb * MEGABYTE,
            max_files=server.mirror_files,
            days=server.mirror_days,
        ),
        team_repositories(settings),
    )


def team_repositories(settings: Settings) -> TeamRepositories:
    """The repositories that the server fetches for a team."""
    return TeamRepositories(settings.server.team_folder, settings.server.team_workspaces)


def _free_memory() -> None:
    """Give what a model held back to system and device."""
    import torch

    from completer.drafting.memory import release_memory

    release_memory()
    torch.cuda.empty_cache()  # does nothing where CUDA was not used


def http_options(
    settings: Settings, *, exposed: bool, insecure: bool = False, own_token: str = ""
) -> HttpOptions:
    """Turn settings into the HTTP front door's options.

    A server is `exposed` if other machines can reach it: then it needs a token, unless `insecure`.
    One with an `own_token` takes that alone.
    """
    if own_token:
        return HttpOptions(tokens={own_token: ""}, needs_token=True)
    server, telemetry = settings.server, settings.telemetry
    group_ms = server.stream_group_ms
    if group_ms == "auto":
        group_ms = GROUP_STREAM_MS if exposed else 0.0
    return HttpOptions(
        tokens={server.token.get_secret_value(): ""} if server.token else {},
        token_file=server.tokens,
        needs_token=exposed and not insecure,
        allowed_hosts=tuple(name for name in (*server.allowed_hosts, server.host) if name),
        allowed_origins=server.allowed_origins,
        root_path=server.root_path,
        forwarded_allow_ips=server.forwarded_allow_ips,
        max_header_bytes=server.max_header_kb * KILOBYTE,
        max_body_bytes=server.max_body_mb * MEGABYTE,
        header_timeout_s=server.header_timeout_s,
        body_timeout_s=server.body_timeout_s,
        keep_alive_s=server.keep_alive_s,
        max_connections=_room_for_connections()
        if server.max_connections == "auto"
        else server.max_connections,
        max_running=server.max_running,
        max_running_per_user=server.max_running_per_user,
        retry_after_s=server.retry_after_s,
        group_stream_s=group_ms / 1000,
        reports=ReportOptions(telemetry.folder, identity_file(settings), people_by_team(settings))
        if telemetry.enabled
        else None,
        people=team_repositories(settings).people,
        arm_of=arms(settings),
    )


def _room_for_connections() -> int:
    """As many as the limit on open files leaves beside what indexes and databases need."""
    try:
        import resource
    except ImportError:  # a system without such a limit
        return MAX_CONNECTIONS
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return max(MIN_CONNECTIONS, min(limit - OWN_FILES, MAX_CONNECTIONS))
