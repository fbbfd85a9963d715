"""What another process tells reads as if one piece of work had been done after the other."""

from __future__ import annotations

from crew_work import Lines

from edgespec.crew.heard import Heard, Telling


def test_what_is_over_is_one_line() -> None:
    shown = Lines()
    heard = Heard(shown)
    for event in (("begin", "a", 3, 1.0), ("advance", 3, "loss 0.1", 3.0), ("say", "goes on", 3.0), ("end", 3.5)):
        heard.take(*event)
    heard.caught_up()
    assert shown.lines == ["goes on", "a: loss 0.1 (2.5 s, beside other work)"]


def test_what_goes_on_is_shown_from_where_it_is() -> None:
    shown = Lines()
    heard = Heard(shown)
    heard.take("begin", "a", 10, 0.0)
    heard.take("advance", 4, "loss 0.4", 1.0)
    heard.caught_up()
    heard.take("advance", 5, "loss 0.3", 2.0)
    heard.take("end", 2.5)
    assert shown.lines == ["begin a, from 4 on 6", "advance 0 loss 0.4", "advance 1 loss 0.3", "end"]


def test_what_begins_while_somebody_listens_is_shown_as_usual() -> None:
    shown = Lines()
    heard = Heard(shown)
    heard.caught_up()
    for event in (("begin", "a", 2, 1.0), ("advance", 2, "b", 3.0), ("end", 3.5)):
        heard.take(*event)
    assert shown.lines == ["begin a 2", "advance 2 b", "end"]


def test_telling_and_hearing_fit() -> None:
    shown = Lines()
    heard = Heard(shown)
    heard.caught_up()
    telling = Telling(heard.take)
    telling.begin("a", 1)
    telling.advance(1, "b")
    telling.end()
    telling.say("c")
    assert shown.lines == ["begin a 1", "advance 1 b", "end", "c"]
