"""Signatures, against the published vector of Standard Webhooks."""

import base64

import pytest

from serinus.notifications.signature import key, signed

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'


def test_the_published_vector() -> None:
    assert signed([key(KEY)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, BODY) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_a_key_is_rotated_there_is_a_signature_by_each() -> None:
    other = key("whsec_" + base64.b64encode(bytes(32)).decode())
    both = signed([other, key(KEY)], "a", 1, BODY)["webhook-signature"].split(" ")
    assert both == [signed([each], "a", 1, BODY)["webhook-signature"] for each in (other, key(KEY))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_c2hvcnQ=",
        "whsec_not base64 at all, but long enough",
        "whsec_" + base64.b64encode(bytes(65)).decode(),
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_ünïcödé",
    ],
)
def test_another_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_ followed by 24 to 64 bytes") as raised:
        key(text)
    assert not text or text == "whsec_" or text not in str(raised.value)
