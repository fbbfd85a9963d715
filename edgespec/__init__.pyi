"""What `import edgespec` offers, for type checkers: the names are loaded when first asked for."""

from edgespec.api import Run as Run
from edgespec.api import compress as compress
from edgespec.api import load_model as load_model
from edgespec.api import open_run as open_run
from edgespec.runs.predict import Model as Model
from edgespec.runs.predict import Predictions as Predictions

__version__: str
