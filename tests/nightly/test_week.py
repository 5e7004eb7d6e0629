"""One week of nightly audits; `python -m tests.nightly` plays five."""

from pathlib import Path

from tests.nightly.play import mistakes_of, play_week
from tests.nightly.week import ADDED_ON, BETTER_MODEL_ON, POISONED_ON, Week


def test_the_check_and_the_diff_name_the_right_class_on_the_right_day(tmp_path: Path) -> None:
    week = Week(tmp_path, seed=1)
    nights = play_week(week, lambda _night: None)
    assert mistakes_of(week, nights) == []
    by_day = {night.day: night for night in nights}
    assert by_day[POISONED_ON].broken["accuracy"] == {"mushroom"}
    assert by_day[1].reused == by_day[BETTER_MODEL_ON].reused == 0
    assert all(by_day[day].reused > 0.75 for day in ADDED_ON)
