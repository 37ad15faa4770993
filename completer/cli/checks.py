"""What `completer doctor` looks at: each check says what is right, what is not, and what to do."""

import asyncio
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from completer.calibration import Calibration, Calibrations
from completer.cli.assembly import build_model, build_service
from completer.cli.exposure import check_exposure
from completer.cli.running_server import RunningServer, health_of
from completer.cli.serve import listen
from completer.context.workspace import Workspace
from completer.engine.exits import exit_layers
from completer.engine.tuning import Tuning
from completer.errors import CompleterError, SettingsError
from completer.http.health import sentence
from completer.http.tokens import TokenFile
from completer.place import local_place
from completer.request import Completion, CompletionRequest
from completer.settings import REPOSITORY_FILE, LoadedSettings, Settings, load_repository_settings
from models.errors import ModelError
from models.layers import why_not
from models.loading import LoadedModel, choose_device
from telemetry.files import NotTelemetryError, database_files, left_alone

SAMPLE = CompletionRequest(
    prefix="import os\n\ndef size(path):\n    return os.", suffix="\n", trigger="manual"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. `hint` is what to do when `ok` is false."""

    name: str
    ok: bool
    detail: str
    hint: str = ""


def run_checks(loaded: LoadedSettings) -> Iterator[Check]:
    """Look at everything, one after the other.

    The model is loaded and asked once, unless a running server has it: then that is asked.
    """
    settings = loaded.settings
    yield Check("python", True, f"{platform.python_version()}, torch {torch.__version__}")
    yield _guarded("device", lambda: _device(settings))
    if (server := RunningServer.find(loaded)) is not None:
        yield Check("model", True, _served(server))
        yield _guarded("completion", lambda: _cost(server.complete(SAMPLE)))
    else:
        yield from _check_model(settings)
    for root in settings.workspaces:
        yield _guarded("workspace", lambda root=root: _workspace(root))  # type: ignore[misc]
    yield _database(settings)
    yield _guarded("access", lambda: _access(settings))
    yield _guarded("port", lambda: _port(settings))


def _check_model(settings: Settings) -> Iterator[Check]:
    built: list[tuple[LoadedModel, Tuning]] = []
    yield _guarded("model", lambda: _model(settings, built))
    for model, tuning in built:
        yield _layout(model)
        yield _speed(tuning)
        yield _exits(model, tuning, settings)
        yield _calibration(model, settings)
        yield _guarded("completion", lambda: _completion(model, tuning, settings))  # noqa: B023


def _guarded(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except (CompleterError, ModelError) as error:
        return Check(name, False, str(error), error.hint)
    except Exception as error:  # noqa: BLE001 (what is looked at may be anybody's)
        return Check(name, False, f"{type(error).__name__}: {error}")


def _device(settings: Settings) -> str:
    device = choose_device(settings.model.device)
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory >> 30} GiB"
    return f"{device.type}, {os.cpu_count()} cores"


def _model(settings: Settings, built: list[tuple[LoadedModel, Tuning]]) -> str:
    model, tuning = build_model(settings, own_code=False)
    built.append((model, tuning))
    millions = sum(parameter.numel() for parameter in model.model.parameters()) / 1e6
    return (
        f"{model.name}: {model.model.config.model_type}, {millions:.1f} M parameters,"
        f" {model.dtype_name}, {model.context_tokens} tokens of context,"
        f" loaded in {model.load_ms:.0f} ms"
    )


def _layout(model: LoadedModel) -> Check:
    layout = model.layout.layout
    note = f"; note: {layout.note}" if layout.note else ""
    return Check("FIM layout", True, f"{layout.name} ({layout.order.upper()}){note}")


def _speed(tuning: Tuning) -> Check:
    tried = ", ".join(
        f"{trial.dtype} x{trial.threads}{' with graphs' if trial.graphs else ''}"
        f" {trial.completion_ms:.0f} ms"
        for trial in tuning.trials
        if not trial.gave_up
    )
    how = "the lean forward pass" if tuning.lean else "the model's own code"
    graphs = ", captured as graphs" if tuning.graphs else ""
    chosen = f"{tuning.dtype} with {tuning.threads} threads, {how}{graphs}"
    detail = f"{chosen}, chosen among {tried} for a keystroke's completion"
    if tuning.why_no_graphs:
        detail += f"; graphs were given up when they were tried: {tuning.why_no_graphs}"
    return Check("speed", True, detail)


def _exits(model: LoadedModel, tuning: Tuning, settings: Settings) -> Check:
    """Whether early layers may draft or have the last word, and if not, why."""
    reason = why_not(model.model)
    if reason or not tuning.lean:
        reason = reason or "the lean forward pass does not agree with the model's own code"
        return Check("exits", True, f"no early exits: {reason}")
    layers = ", ".join(map(str, exit_layers(model.model.config.num_hidden_layers)))
    drafting = "drafts where that pays" if settings.drafting.self_speculation else "does not draft"
    mode = settings.completion.exit_mode
    return Check("exits", True, f"after layers {layers}; {drafting}; exit mode {mode}")


def _calibration(model: LoadedModel, settings: Settings) -> Check:
    """What was fitted to the model, and to each workspace by itself."""
    saved = Calibrations(model, settings.calibration_folder)
    everywhere = saved.of(None)
    own = {root: saved.of(local_place(root)) for root in settings.workspaces}
    parts = [_describe(everywhere)]
    parts += [f"in {root} {_describe(each)}" for root, each in own.items() if each != everywhere]
    return Check("calibration", True, "; ".join(parts))


def _describe(calibration: Calibration) -> str:
    """Say in a few words what a calibration holds."""
    stopping = calibration.stopping
    shown = f"shown from {stopping.threshold:.3f} on" if stopping else "everything is shown"
    mixed = "repository mixed in" if calibration.mixture else "the model's own distribution"
    return f"{shown}, {mixed}"


def _completion(model: LoadedModel, tuning: Tuning, settings: Settings) -> str:
    service = build_service(model, tuning, settings)
    try:
        cost = _cost(asyncio.run(service.complete(SAMPLE)))
        info = service.info()
    finally:
        service.close()
    budgets = {
        "kv_pool": settings.engine.kv_cache_mb,
        "draft_indexes": settings.drafting.max_index_mb,
        "result_cache": settings.engine.result_cache_mb,
    }
    held = ", ".join(
        f"{part.replace('_', ' ')} {n >> 20}"
        + (f" of {budgets[part]} MB" if part in budgets else " MB")
        for part, n in info.memory_bytes.items()
    )
    graphs = f"; graphs were given up: {info.graphs_given_up}" if info.graphs_given_up else ""
    return f"{cost}; memory: {held}{graphs}"


def _cost(completion: Completion) -> str:
    stats = completion.stats
    return f"{stats.generated_tokens} tokens in {stats.total_ms:.0f} ms"


def _served(server: RunningServer) -> str:
    return (
        f"{server.model} on {server.device}, {server.state}, in the server at {server.url}; layout,"
        " speed, exits and calibration are looked at with `--model`, which loads it here"
    )


def _workspace(root: Path) -> str:
    workspace = Workspace(root)
    own = load_repository_settings(workspace.root).given
    count = sum(1 for _ in workspace.iter_files())
    left_out = ", ".join(f"{n} {reason}" for reason, n in workspace.left_out.most_common(3))
    return (
        f"{root}: {count} files may be read"
        + (f"; left out: {left_out}" if left_out else "")
        + (f"; {REPOSITORY_FILE} sets {', '.join(own)}" if own else "")
    )


def _database(settings: Settings) -> Check:
    folder = settings.telemetry.folder
    if not settings.telemetry.enabled:
        return Check("database", True, "telemetry is switched off")
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return Check(
            "database",
            False,
            f"{folder} cannot be written",
            "Set telemetry.folder to a folder of yours, or telemetry.enabled to false.",
        )
    return Check("database", True, f"{folder}: {_files(folder)}")


def _files(folder: Path) -> str:
    """How many databases are there, and what is beside them."""
    try:
        found = len(database_files(folder))
    except (FileNotFoundError, NotTelemetryError):
        found = 0
    others = list(left_alone(folder))
    if not others:
        return f"{found} files"
    more = f" and {len(others) - 1} more" if len(others) > 1 else ""
    return f"{found} files; left alone, not ours or with a damaged header: {others[0]}{more}"


def _access(settings: Settings) -> str:
    """Who may use the server, as far as addresses and tokens say."""
    with listen(settings.server.host, 0) as listener:
        exposed = check_exposure(settings, listener)
    names = [token.name for token in TokenFile(settings.server.tokens).read()]
    if settings.server.token is not None:
        names.append("whoever has server.token")
    who = "other machines" if exposed else "this machine only"
    return f"{who}, {'as ' + ', '.join(names) if names else 'without a token'}"


def _port(settings: Settings) -> str:
    host, port = settings.server.host, settings.server.port
    try:
        listen(host, port).close()
    except SettingsError:
        found = health_of(settings)
        if found is None:
            raise
        if "reason" in found:
            raise SettingsError(
                f"{host}:{port}: the model of the server there could not be loaded:"
                f" {found['reason']}",
                hint="Mend that, and start the server again.",
            ) from None
        found_there = f"{host}:{port}: a server runs there, its model is {found['model']}"
        return "; ".join(filter(None, [found_there, sentence(found.get("workspaces", {}))]))
    return f"{host}:{port} is free"
