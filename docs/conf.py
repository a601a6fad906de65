"""How the documentation is built (``make docs``). Nothing is fetched, and a warning fails it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paymentoptions_async import __version__, policy, requests
from sphinx.ext.napoleon import Config, GoogleDocstring

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "paymentoptions-async"
author = "the maintainers of paymentoptions-async"
copyright = author  # noqa: A001  Sphinx's name
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

default_role = "py:obj"  # `Payment` in a docstring is a link to it
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"paymentoptions-async {__version__}"
html_static_path = ["_static"]
html_css_files = ["guides.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}

MADE_BY_CALLERS = {
    "PaymentOptions",
    "Address",
    "BrowserInfo",
    "Card",
    "MemoryJournal",
    "Money",
    "ReturnUrls",
    "SubscriptionPlan",
}
DEFAULTS = {
    "policy.POST_TIMEOUT": repr(policy.POST_TIMEOUT),
    "policy.GET_TIMEOUT": repr(policy.GET_TIMEOUT),
    "requests.CARDS": repr(requests.CARDS),
}


def setup(app: Sphinx) -> None:
    """Let Sphinx read docstrings and signatures as they are meant here."""
    app.connect("autodoc-process-docstring", read_sections)
    app.connect("autodoc-process-signature", show_signature)


def read_sections(app: Sphinx, what: str, *about: Any) -> None:
    """Read Google's sections, save in attributes, where it would take "Words: …" for a type."""
    *_, lines = about
    if what not in ("attribute", "property"):
        lines[:] = GoogleDocstring(lines, Config(napoleon_use_rtype=False), app, what).lines()


def show_signature(_: Sphinx, what: str, name: str, *about: Any) -> tuple[str | None, str | None]:
    """Show how to make what callers make, and defaults by their values."""
    *_, signature, result = about
    if what in ("class", "exception") and name.rpartition(".")[2] not in MADE_BY_CALLERS:
        return "", None
    for default, value in DEFAULTS.items():
        signature = signature and signature.replace(default, value)
    return signature, result
