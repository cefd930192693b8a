"""Configuration of the documentation: `sphinx-build -W -b html .docs build/docs`."""

import sys
from pathlib import Path


HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import sources

import sersiclab


project = "sersiclab"
author = "The sersiclab developers"
copyright = author
version = release = sersiclab.__version__

extensions = ["myst_nb", "sphinx_copybutton"]
exclude_patterns = ["README.md"]
# Without mathematics in TeX, whose pages would load MathJax from the network: formulas are written in Unicode.
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
nitpicky = True
# Types of other packages, and errors, have no page here.
nitpick_ignore_regex = [("py:class", ".*"), ("py:exc", ".*")]
toc_object_entries_show_parents = "hide"

# Notebooks that tests have run since the package changed are shown as they are; others are run here, once, and kept.
executed = sources.gather_notebooks()
nb_execution_mode = "cache"
nb_execution_cache_path = str(sources.BUILD / "jupyter-cache")
nb_execution_excludepatterns = [f"notebooks/{name}" for name in executed]
nb_execution_in_temp = True
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_merge_streams = True
# A page has no kernel: the widget's picture stands in for the widget.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js = {}  # nor does a page need the scripts of widgets, which would come from the network

sources.write_reference()
sources.write_conventions()
sources.write_command_line()

html_theme = "furo"
html_title = f"sersiclab {release}"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0f5c8a", "color-brand-content": "#0f5c8a"},
    "dark_css_variables": {"color-brand-primary": "#7cc0e8", "color-brand-content": "#7cc0e8"},
}


def setup(app):
    """Link the public names that pages mention."""
    app.connect("source-read", sources.link_names)
