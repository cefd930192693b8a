"""The parameters of a model: numbers, priors and ties."""

from sersiclab.parameters.base import AbstractParameter as AbstractParameter
from sersiclab.parameters.base import AbstractPrior as AbstractPrior
from sersiclab.parameters.base import Parameter as Parameter
from sersiclab.parameters.base import Tied as Tied
from sersiclab.parameters.declarations import ParameterInfo as ParameterInfo
from sersiclab.parameters.declarations import check_parameters as check_parameters
from sersiclab.parameters.declarations import nested as nested
from sersiclab.parameters.declarations import nested_modules as nested_modules
from sersiclab.parameters.declarations import own_parameters as own_parameters
from sersiclab.parameters.declarations import parameter as parameter
from sersiclab.parameters.declarations import parameter_info as parameter_info
from sersiclab.parameters.documenting import document_parameters as document_parameters
from sersiclab.parameters.tree import Owners as Owners
from sersiclab.parameters.tree import at as at
from sersiclab.parameters.tree import at_joint as at_joint
from sersiclab.parameters.tree import check_values as check_values
from sersiclab.parameters.tree import free as free
from sersiclab.parameters.tree import initial as initial
from sersiclab.parameters.tree import parameters as parameters
from sersiclab.parameters.tree import replace as replace
from sersiclab.parameters.tree import start as start
from sersiclab.parameters.tree import with_parameters as with_parameters
