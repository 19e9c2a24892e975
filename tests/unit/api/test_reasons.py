"""What reasons carry."""

from serinus.api.reasons import UNKNOWN, Needs, Reason, meaning_of


def test_every_reason_has_a_meaning_of_its_own() -> None:
    texts = [each.meaning.text for each in Reason if each.meaning is not UNKNOWN]
    assert len(texts) == len(Reason) == len({*texts, UNKNOWN.text}) - 1


def test_a_reason_of_another_version_ends_nothing_and_needs_nobody() -> None:
    found = meaning_of("OfTheFuture")
    assert found.needs is Needs.NOTHING
    assert (found.ends, found.notice, found.remedies) == (None, None, ())
