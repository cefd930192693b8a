"""The model of an image, its posterior density, and pictures and mock images made from it."""

from sersiclab.model.checked_models import check_one_image as check_one_image
from sersiclab.model.checked_models import checked_model as checked_model
from sersiclab.model.component_checks import check_name as check_name
from sersiclab.model.component_checks import is_name as is_name
from sersiclab.model.lowering import lower as lower
from sersiclab.model.model import Model as Model
from sersiclab.model.model import scaled as scaled
from sersiclab.model.pictures import joint as joint
from sersiclab.model.pictures import render as render
from sersiclab.model.pictures import render_components as render_components
