"""What nobody may see, and how it is looked for: in texts, in bytes, and in the locals of tracebacks."""

from __future__ import annotations

import copy
import json
import pickle
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from traceback import FrameSummary, TracebackException
from types import FrameType, TracebackType
from urllib.parse import quote, quote_plus

from paymentoptions_async.redirects import Signer
from paymentoptions_async.sandbox import CARDS, COREFY_CARDS

PAN = "5200000000001005"
MISTYPED = "5200000000001006"  # with a wrong check digit; a card number where one belongs
CVC = "9417"
API_KEY = "key-f8b1c2d3e4"
X_API_KEY = "second-a9b8c7d6e5"
SIGNING_SECRET = "a signing secret that nobody sees"
COREFY_KEY = "corefy-key-0a1b2c3d4e"
CALLBACK_SECRET = "sk_test_5e4d3c2b1a0f"
TOKEN = "c0ffee00-26f5-4906-92ae-d849edc3c3a1"
LINK_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"

NUMBERS = frozenset({PAN, MISTYPED, *(card.number for card in CARDS), *(card.number for card in COREFY_CARDS)})
SECRETS = frozenset(
    {API_KEY, X_API_KEY, SIGNING_SECRET, COREFY_KEY, CALLBACK_SECRET, b64encode(API_KEY.encode()).decode()[:-4]}
)

_URL_TOKEN = re.compile(rf"{Signer((SIGNING_SECRET,), '', '').key_ids[0]}[\w-]{{22,}}")
_CVC = re.compile(rf"(?<![0-9A-Za-z]){CVC}(?![0-9A-Za-z])")
_NO_CODE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{16,}")  # ids and digests
_TESTS = str(Path(__file__).parents[1])


class Marks:
    """The secrets of one run. Card numbers and codes are always among them.

    ``secret`` is what must stand nowhere; ``private`` what stands in the journal while it is needed, and nowhere else:
    pages for buyers, and tokens of cards on file. The tokens of URLs are known by how they are made.
    """

    def __init__(self, *, also: Iterable[str] = ()) -> None:
        self.secret = {*SECRETS, *also}
        self.private = {TOKEN, LINK_TOKEN}

    def keep_secret(self, mark: str) -> str:
        """Take one more that must stand nowhere, and give it back."""
        self.secret.add(mark)
        return mark

    def found_in(self, text: str, *, private: bool = True) -> set[str]:
        """What of it stands in a text, however it is written. ``private=False`` lets pass what a journal may hold."""
        marks = self.secret | self.private if private else self.secret
        found = {mark for mark in marks if any(form in text for form in _forms(mark))}
        found |= set(_URL_TOKEN.findall(text))
        if CVC in text and _CVC.search(_NO_CODE.sub("", text)):
            found.add(CVC)
        squeezed = text.replace(" ", "").replace("-", "")
        return found | {number for number in NUMBERS if number in squeezed}


@cache
def _forms(mark: str) -> frozenset[str]:
    """A mark as it is, as a part of a URL, and in JSON."""
    in_json = json.dumps(mark)[1:-1]
    return frozenset({mark, quote(mark, safe=""), quote_plus(mark), in_json, in_json.replace("/", "\\/")})


def marks_in(text: str) -> list[str]:
    """What of the marks that stand in this module is in a text."""
    return sorted(Marks().found_in(text))


def told_by(thing: object) -> str:
    """All that a value says of itself when it is printed, copied and pickled."""
    told = [repr(thing), str(thing), f"{thing}"]
    with suppress(TypeError, AttributeError, pickle.PicklingError):  # what refuses to be pickled tells nothing
        told += [repr(pickle.dumps(thing)), pickle.dumps(thing, protocol=0).decode("latin-1")]
    with suppress(TypeError):
        copied = copy.deepcopy(thing)
        told += [repr(copied), *texts_of(copied)]
    return "\n".join(told)


def rendered(error: BaseException) -> str:
    """An exception as a reporter renders it: all that led to it, with the locals of every frame but the tests' own."""
    told = TracebackException.from_exception(error, capture_locals=True, lookup_lines=False)
    return "\n".join(line for one in _led_to(told) for line in _lines_of(one))


def _led_to(told: TracebackException | None) -> Iterator[TracebackException]:
    if told is None:
        return
    yield told
    yield from _led_to(told.__cause__)
    yield from _led_to(told.__context__)
    for one in getattr(told, "exceptions", None) or ():
        yield from _led_to(one)


def _lines_of(one: TracebackException) -> Iterator[str]:
    yield from one.format_exception_only()
    for frame in one.stack:
        if not _is_ours_to_ignore(frame):
            yield from (
                f"{frame.filename}:{frame.lineno} {frame.name}: {name}={v}" for name, v in (frame.locals or {}).items()
            )


def _is_ours_to_ignore(frame: FrameSummary) -> bool:
    return frame.filename.startswith(_TESTS)


def shown_by(error: BaseException, marks: Marks | None = None) -> set[tuple[str, str, str]]:
    """Frame, local and secret for whatever an exception shows."""
    return found_among(shown_of([error]), marks or Marks())


def found_among(shown: Iterable[tuple[str, str, str]], marks: Marks, **how: bool) -> set[tuple[str, str, str]]:
    """Of places and their texts, those with a mark: what and where it is, and the mark."""
    kept = set(shown)
    if not marks.found_in("\n".join(text for *_, text in kept), **how):
        return set()  # the usual case, and one search is quicker than thousands
    return {(where, name, mark) for where, name, text in kept for mark in marks.found_in(text, **how)}


def shown_of(errors: Iterable[BaseException]) -> Iterator[tuple[str, str, str]]:
    """Yield all that exceptions and what led to them show, each object once: frame, local, text.

    The locals of our frames are looked at field by field, all others as they print themselves.
    """
    seen: set[int] = set()
    pending = list(errors)
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield type(one).__name__, "text", f"{one!s} {one!r}"
        for name, value in vars(one).items():
            yield from ((type(one).__name__, name, text) for text in texts_of(value, seen))
        for frame in _frames(one.__traceback__):
            where = f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}"
            for name, value in frame.f_locals.items():
                yield from ((where, name, text) for text in _shown(frame, value, seen))
        pending += [further for further in (one.__cause__, one.__context__) if further is not None]
        pending += getattr(one, "exceptions", ())


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(_TESTS):
            yield traceback.tb_frame
        traceback = traceback.tb_next


def _shown(frame: FrameType, value: object, seen: set[int]) -> Iterator[str]:
    ours = frame.f_globals.get("__name__", "").startswith("paymentoptions_async")
    return texts_of(value, seen) if ours else iter([repr(value)])


def texts_of(value: object, seen: set[int] | None = None, depth: int = 6) -> Iterator[str]:
    """The repr of a value, and of what it holds where that may say less: as far as a reporter of errors may look.

    What is in ``seen`` is left out, and what is looked at is added; all of it must be kept alive meanwhile.
    """
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    inner: list[object] = []
    if is_dataclass(value) and not isinstance(value, type):
        yield repr(value)
        inner = [getattr(value, field.name, None) for field in fields(value) if not _kept(value, field.name)]
    elif isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = list(value)
    elif isinstance(value, partial):
        inner = [*value.args, *value.keywords.values()]
    else:
        yield repr(value)
    if depth > 0:
        for one in inner:
            yield from texts_of(one, seen, depth - 1)


def _kept(value: object, name: str) -> bool:
    """What must be held in clear by its nature: secrets that sign, links and tokens for the caller and the gateway."""
    kind = type(value).__name__
    return (kind, name) in _KEPT or kind == "ReturnUrls"


_KEPT = {
    ("Signer", "secrets"),
    *(
        (kind, name)
        for kind in ("Payment", "Reading")
        for name in ("redirect_url", "redirect_form", "stored_payment_method_id")
    ),
}
