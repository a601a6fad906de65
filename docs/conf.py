"""How the documentation is built (``make docs``). Nothing is fetched, and a warning fails it."""

from __future__ import annotations

from paymentoptions_async import __version__

project = "paymentoptions-async"
author = "the maintainers of paymentoptions-async"
copyright = author  # noqa: A001  Sphinx's name
version = release = __version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

default_role = "py:obj"  # `Payment` in a docstring is a link to it
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
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
