"""How often a report's intervals hold the truth, and how often it sees a difference that is none.

Each database is a sample of people from a population whose figures are known.
"""

from collections import Counter
from typing import Annotated, Any, Final

import numpy as np
import typer
from rich.table import Table

from benchmarks.simulation.people import Population, draw_population
from completer.cli.printing import grid, progress
from telemetry.report.compare import PRIMARY, differences
from telemetry.report.metrics import HEADLINE, METRICS, title
from telemetry.report.statistics import figure

PEOPLE: Final = (10, 30, 178)
_LEVEL: Final = 0.05
_SHOWN: Final = (*HEADLINE, "mostly_unchanged_300", "arc_ratio_300", "commit_share")


def run(
    *,
    databases: Annotated[int, typer.Option(min=1, help="In each cell.")] = 2_000,
    correlation: Annotated[
        float, typer.Option(min=-0.99, max=0.99, help="Of writing much and accepting readily.")
    ] = 0.0,
    metric: Annotated[str, typer.Option(help="Only this one, without A/A.", metavar="NAME")] = "",
    seed: Annotated[int, typer.Option(help="Draws people.")] = 0,
) -> dict[str, Any]:
    """Draw databases of 10, 30 and 178 people: coverage of intervals, false positives of A/A."""
    rng = np.random.default_rng(seed)
    population = draw_population(rng, correlation=correlation)
    cells = []
    with progress("cells") as advance:
        for done, people in enumerate(PEOPLE, 1):
            cell: dict[str, Any] = {"people": people}
            cell["coverage"] = coverage(rng, population, people, databases, metric)
            if not metric:
                cell |= false_positives(rng, population, people, databases)
            cells.append(cell)
            advance(done, len(PEOPLE))
    return {"databases": databases, "correlation": correlation, "seed": seed, "cells": cells}


def coverage(
    rng: np.random.Generator, population: Population, people: int, databases: int, only: str = ""
) -> dict[str, float]:
    """Of the intervals that databases of so many people have, the share that hold the truth."""
    truth, held, had = population.truth(), Counter[str](), Counter[str]()
    metrics = [metric for metric in METRICS if only in ("", metric.name)]
    for _ in range(databases):
        by_user = population.draw(rng, people)
        totals = {name: float(of_each.sum()) for name, of_each in by_user.items()}
        for metric in metrics:
            found = figure(metric, totals, by_user)
            if metric.name in truth and found.low is not None and found.high is not None:
                had[metric.name] += 1
                held[metric.name] += found.low <= truth[metric.name] <= found.high
    return {name: held[name] / count for name, count in had.items()}


def false_positives(
    rng: np.random.Generator, population: Population, people: int, databases: int
) -> dict[str, float]:
    """How often two samples, so many people each, differ: in the primary metric, in any other."""
    primary = others = 0
    for _ in range(databases):
        arms = (population.draw(rng, people), population.draw(rng, people))
        p_values = {name: row.p_value for name, row in differences(*arms, PRIMARY).items()}
        primary += (p_values.pop(PRIMARY) or 1.0) < _LEVEL
        others += any(p is not None and p < _LEVEL for p in p_values.values())
    return {"primary": primary / databases, "others": others / databases}


def monte_carlo_error(share: float, databases: int) -> float:
    """The standard error of a share of so many databases."""
    return float(np.sqrt(share * (1 - share) / databases))


def table(result: dict[str, Any]) -> Table:
    """Lay out one column for each number of people."""

    def shares(name: str, of_cells: list[float]) -> tuple[str, ...]:
        spread = (monte_carlo_error(share, result["databases"]) for share in of_cells)
        return name, *(
            f"{100 * s:.1f} ± {100 * e:.1f} %" for s, e in zip(of_cells, spread, strict=True)
        )

    cells = result["cells"]
    rows = [
        shares(title(name), [cell["coverage"].get(name, 0.0) for cell in cells])
        for name in _SHOWN
        if name in cells[0]["coverage"]
    ]
    if "primary" in cells[0]:
        for name, choose in (("least", min), ("most", max)):
            of_all = [choose(cell["coverage"].values()) for cell in cells]
            rows.append(shares(f"{name} of {len(cells[0]['coverage'])} metrics", of_all))
        rows.append(shares("A/A: the primary differs", [cell["primary"] for cell in cells]))
        rows.append(shares("A/A: some other differs", [cell["others"] for cell in cells]))
    caption = f"{result['databases']:,} databases a cell, ± one standard error of the simulation"
    columns = ("", *(f"{cell['people']} people" for cell in cells))
    return grid("Intervals and comparisons", columns, rows, caption)
