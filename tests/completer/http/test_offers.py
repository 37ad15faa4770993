"""What was sent is remembered for a while, within bounds."""

from completer.http.offers import MAX_OFFERS, MAX_TEXT, Offer, Offers
from telemetry.events import Suggestion
from tests.fakes import FakeRecorder, FakeService


def offers_of(*texts: str) -> Offers:
    offers = Offers(FakeService(), FakeRecorder())
    for number, text in enumerate(texts):
        offers.add(str(number), 0, Offer(f"c{number}", Suggestion(text=text)))
    return offers


def test_the_oldest_go_when_there_are_many():
    offers = offers_of(*"x" * (MAX_OFFERS + 2))

    assert offers.find("1", 0) is None
    assert offers.find("2", 0).completion_id == "c2"


def test_the_oldest_go_when_they_are_long():
    offers = offers_of(*["x" * (MAX_TEXT // 3)] * 5)

    assert offers.find("1", 0) is None
    assert offers.find("2", 0) is not None
    assert offers.find("4", 0) is not None
