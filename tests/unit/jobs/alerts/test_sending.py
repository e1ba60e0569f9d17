"""A message on its way: tried again, given up, never led elsewhere, and its address never told."""

import socket
import ssl
from urllib.request import OpenerDirector

import pytest
from pydantic import SecretStr

from jobs.alerts.sending import NotSentError, address_in, send
from jobs.errors import UsageError
from tests.unit.jobs.alerts.receiver import SECRET, Receiver, listening
from tests.unit.jobs.alerts.scene import VARIABLE


def refused(address: str) -> str:
    """Why it was not sent; whatever hangs on the error holds no address."""
    with pytest.raises(NotSentError) as caught:
        send({"text": "hello"}, SecretStr(address))
    assert SECRET not in repr((caught.value, caught.value.__cause__, caught.value.__context__))
    return str(caught.value)


def test_a_message_arrives_as_json(receiver: Receiver) -> None:
    send({"text": "later than 0.98, für alle", "value": None}, SecretStr(receiver.address))
    assert receiver.taken == [{"text": "later than 0.98, für alle", "value": None}]


@pytest.mark.parametrize("status", [500, 503, 429, 404])
def test_what_is_refused_once_is_sent_again(receiver: Receiver, status: int) -> None:
    receiver.answers = [status, status]
    send({"text": "hello"}, SecretStr(receiver.address))
    assert (receiver.asked, len(receiver.taken)) == (3, 1)


def test_what_is_always_refused_is_given_up_after_three_attempts(receiver: Receiver) -> None:
    receiver.always = 500
    assert refused(receiver.address) == "the answer was HTTP 500"
    assert receiver.asked == 3


def test_no_answer_is_waited_for_so_long_and_no_longer(receiver: Receiver) -> None:
    receiver.hang.set()
    assert refused(receiver.address) == "no answer within 0.3 s"
    assert receiver.asked == 3


def test_another_success_than_200_is_one(receiver: Receiver) -> None:
    receiver.answers = [204]
    send({"text": "hello"}, SecretStr(receiver.address))
    assert receiver.asked == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_led_to_another_host(receiver: Receiver, status: int) -> None:
    with listening() as other:
        receiver.always, receiver.elsewhere = status, other.address
        assert refused(receiver.address) == f"the answer was HTTP {status} (it points elsewhere)"
        assert other.asked == 0


def test_nobody_there_is_said(receiver: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert refused(f"http://127.0.0.1:{taken.getsockname()[1]}/{SECRET}") == "no answer (ConnectionRefusedError)"


@pytest.mark.parametrize("address", [f"http://127.0.0.1:no/{SECRET}", f"http://127.0.0.1/{SECRET} \n x", f"http://127.0.0.1/{SECRET}ü"])
def test_an_address_that_no_library_takes_is_not_told(receiver: Receiver, address: str) -> None:
    assert "no answer (" in refused(address)


def test_a_certificate_of_another_host_is_not_told(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, **__: object) -> None:
        msg = f"not valid for {SECRET}"
        raise ssl.SSLCertVerificationError(msg)

    monkeypatch.setattr(OpenerDirector, "open", opened)
    assert refused(f"https://127.0.0.1/{SECRET}") == "no answer (SSLCertVerificationError)"


def test_the_address_is_that_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"https://example.org/{SECRET}")
    assert address_in(VARIABLE).get_secret_value() == f"https://example.org/{SECRET}"
    assert SECRET not in repr(address_in(VARIABLE))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (None, "The alerts go to the address in SHOP_ALERTS_URL, which is not set; set it, or leave `alerts.webhook` out."),
        ("", "The alerts go to the address in SHOP_ALERTS_URL, which is not set; set it, or leave `alerts.webhook` out."),
        *(
            (given, "The alerts go to the address in SHOP_ALERTS_URL, which does not hold one; set it to https://… (http:// is allowed too).")
            for given in (f"file:///{SECRET}", SECRET, "https://", f"ftp://example.org/{SECRET}", f"http://[{SECRET}/")
        ),
    ],
)
def test_a_variable_without_an_address_is_wrong_use(monkeypatch: pytest.MonkeyPatch, address: str | None, said: str) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if address is not None:
        monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(UsageError) as caught:
        address_in(VARIABLE)
    assert str(caught.value) == said
    assert SECRET not in repr((caught.value.__cause__, caught.value.__context__))
