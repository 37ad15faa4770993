"""Sums by cell and by user."""

import numpy as np

from telemetry.report.sums import OTHER, Cells, Sums, summed


def test_rows_with_the_same_groups_share_a_cell():
    cells = Cells()
    python, rust = (cells.group("by_language", name) for name in ("python", "rust"))
    of_rows = cells.of({"by_language": np.array([python, rust, python])})
    assert of_rows[0] == of_rows[2] != of_rows[1]
    assert cells.groups("by_language")[of_rows].tolist() == [python, rust, python]
    assert cells.groups("by_model")[of_rows].tolist() == [0, 0, 0]
    assert (cells.groups("overall")[of_rows] == 1).all()


def test_a_cell_can_be_narrowed_by_one_more_grouping():
    cells = Cells()
    day = cells.group("by_day", "2024-01-01")
    single, multi = (cells.group("by_lines", name) for name in ("single", "multi"))
    base = cells.of({"by_day": np.array([day, day])})
    narrowed = cells.within(base, "by_lines", np.array([single, multi]))
    assert cells.groups("by_lines")[narrowed].tolist() == [single, multi]
    assert cells.groups("by_day")[narrowed].tolist() == [day, day]


def test_no_cell_stays_no_cell():
    cells = Cells()
    single = cells.group("by_lines", "single")
    assert cells.within(np.array([0]), "by_lines", np.array([single])).tolist() == [0]


def test_more_groups_than_there_is_room_for_end_up_together():
    cells = Cells()
    numbers = [cells.group("by_language", f"language {n}") for n in range(400)]
    assert cells.names["by_language"][numbers[-1]] == OTHER
    of_rows = cells.of({"by_language": np.array(numbers)})
    assert cells.groups("by_language")[of_rows].tolist() == numbers


def test_days_are_never_thrown_together():
    cells = Cells()
    numbers = [cells.group("by_day", f"day {n}") for n in range(1_000)]
    of_rows = cells.of({"by_day": np.array(numbers)})
    assert cells.groups("by_day")[of_rows].tolist() == numbers


def test_sums_by_group_and_by_user():
    sums = Sums()
    ada, bob = sums.user("ada"), sums.user("bob")
    python = sums.cells.group("by_language", "python")
    rust = sums.cells.group("by_language", "rust")
    cells = sums.cells.of({"by_language": np.array([python, rust, python])})
    sums.add(cells, np.array([ada, ada, bob]), {"opportunities": np.array([1.0, 2.0, 4.0])})
    assert sums.totals("by_language", "python")["opportunities"] == 5
    assert sums.totals("overall", "overall")["opportunities"] == 7
    assert sums.by_user("by_language", "python")["opportunities"].tolist() == [1, 4]
    assert sums.by_user("overall", "overall")["opportunities"].tolist() == [3, 4]


def test_rows_of_no_cell_count_nowhere():
    sums = Sums()
    sums.user("ada")
    sums.add(np.array([0]), np.array([1]), {"opportunities": np.array([1.0])})
    assert sums.totals("overall", "overall")["opportunities"] == 0


def test_many_rows_and_few_give_the_same_sums():
    many, few = Sums(), Sums()
    rng = np.random.default_rng(0)
    users = rng.integers(1, 30, 500)
    values = rng.integers(0, 9, 500).astype(float)
    for sums in (many, few):
        for user in range(29):
            sums.user(str(user))
    day = [many.cells.group("by_day", "a"), few.cells.group("by_day", "a")]
    many.add(many.cells.of({"by_day": np.full(500, day[0])}), users, {"steps": values})
    for user, value in zip(users, values, strict=True):
        cell = few.cells.of({"by_day": np.array([day[1]])})
        few.add(cell, np.array([user]), {"steps": np.array([value])})
    assert (
        many.by_user("by_day", "a")["steps"].tolist()
        == few.by_user("by_day", "a")["steps"].tolist()
    )


def test_rows_that_are_alike_are_summed_into_one():
    rows = {
        "session": np.array([7, 7, 9, 7]),
        "day": np.array([20_000, 20_001, 20_000, 20_000]),
        "class": np.array([1, 1, 1, 2]),
    }
    of, sums = summed(rows, ("session", "day"), {"typed": np.array([1, 2, 4, 8])})
    found = set(zip(of["session"].tolist(), of["day"].tolist(), sums["typed"], strict=True))
    assert found == {(7, 20_000, 9.0), (7, 20_001, 2.0), (9, 20_000, 4.0)}


def test_no_rows_are_summed_into_none():
    none = np.zeros(0, dtype=int)
    of, sums = summed({"day": none}, ("day",), {"typed": none})
    assert (len(of["day"]), len(sums["typed"])) == (0, 0)
