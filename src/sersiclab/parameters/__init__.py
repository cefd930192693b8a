"""The tree of a model's parameters: numbers, priors, ties, and what is free."""

from sersiclab.parameters.documenting import document_parameters as document_parameters
from sersiclab.parameters.tree import AbstractParameter as AbstractParameter
from sersiclab.parameters.tree import AbstractPrior as AbstractPrior
from sersiclab.parameters.tree import Owners as Owners
from sersiclab.parameters.tree import Parameter as Parameter
from sersiclab.parameters.tree import ParameterInfo as ParameterInfo
from sersiclab.parameters.tree import Tied as Tied
from sersiclab.parameters.tree import at as at
from sersiclab.parameters.tree import check_parameters as check_parameters
from sersiclab.parameters.tree import check_values as check_values
from sersiclab.parameters.tree import free as free
from sersiclab.parameters.tree import initial as initial
from sersiclab.parameters.tree import nested as nested
from sersiclab.parameters.tree import nested_modules as nested_modules
from sersiclab.parameters.tree import own_parameters as own_parameters
from sersiclab.parameters.tree import parameter as parameter
from sersiclab.parameters.tree import parameter_info as parameter_info
from sersiclab.parameters.tree import parameters as parameters
from sersiclab.parameters.tree import replace as replace
from sersiclab.parameters.tree import start as start
from sersiclab.parameters.tree import with_parameters as with_parameters
