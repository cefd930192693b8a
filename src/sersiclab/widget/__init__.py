"""The notebook widget: the Editor, one anywidget, and the Workbench around it."""

from sersiclab.widget.editor import Editor as Editor
from sersiclab.widget.workbench import Workbench as Workbench
