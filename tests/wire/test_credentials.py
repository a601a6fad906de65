import base64
import copy
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.wire.credentials import Authentication, Credentials, basic


def test_a_raw_key_is_sent_as_basic_with_an_empty_password():
    headers = Credentials("key-123", "x-456").headers()
    assert dict(headers) == {
        "Authorization": "Basic " + base64.b64encode(b"key-123:").decode(),
        "x-api-key": "x-456",
    }


@pytest.mark.parametrize("ready", ["Basic a2V5Og==", "basic a2V5Og=="])
def test_a_ready_value_is_sent_as_it_is(ready):
    assert Credentials(ready, "x").headers()["Authorization"] == ready


def test_a_key_said_to_be_encoded_gets_only_the_scheme():
    assert Credentials("a2V5Og==", "x", encoded=True).headers()["Authorization"] == "Basic a2V5Og=="


def test_corefy_s_basic_is_user_and_password():
    assert basic("coma_1", "ключ") == "Basic " + base64.b64encode("coma_1:ключ".encode()).decode()
    with pytest.raises(InvalidValue):
        basic("a:b", "c")


def test_nothing_shows_the_keys():
    credentials = Credentials("key-123", "x-456")
    shown = repr(credentials) + str(credentials) + f"{credentials}"
    for secret in ("key-123", "x-456", base64.b64encode(b"key-123:").decode()):
        assert secret not in shown
    for leak in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            leak(credentials)


@pytest.mark.parametrize(
    "bad", ["", " ", "a\r\nX-Evil: 1", "a\nb", "a\x00", "a\x7f", "\u2713-key", "k\u00e9y", " key", "key ", "a\tb"]
)
@pytest.mark.parametrize("field", ["api_key", "x_api_key"])
def test_what_a_header_can_not_carry_is_refused_without_being_shown(bad, field):
    bad = f"{bad}SECRET{bad}" if bad.strip() else bad
    with pytest.raises(InvalidValue) as raised:
        Credentials(*((bad, "good") if field == "api_key" else ("good", bad)))
    assert raised.value.field == field
    assert field in str(raised.value)
    assert "SECRET" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("name", ["", "X: 1\r\nY", "X Y", "X\n", "\u00dc"])
def test_what_is_no_name_of_a_header_is_refused(name):
    with pytest.raises(InvalidValue):
        Authentication({name: "good"})


@given(st.text())
def test_a_header_is_either_refused_or_one_line(value):
    try:
        sent = Authentication({"Authorization": value}).headers()["Authorization"]
    except InvalidValue:
        return
    assert sent == value == value.strip()
    assert sent.isascii()
    assert not set(sent) & {chr(code) for code in [*range(32), 127]}


def test_headers_can_not_be_changed():
    with pytest.raises(TypeError):
        Credentials("a", "b").headers()["x-api-key"] = "c"  # type: ignore[index]
