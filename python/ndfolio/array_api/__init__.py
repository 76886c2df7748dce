"""The Python array API standard 2024.12 for arrays on disk.

Every function of the standard is here, with the standard's arguments. Functions of items, reductions, running sums,
views, constants and products of items give lazy arrays, as everywhere in this package. What the engine has no way for,
sorting, sets, matrix products, decompositions and Fourier transforms among them, is done by NumPy, of values in memory
as far as the budget of `ndfolio.config` allows, and refused beyond that with the number of bytes.

Examples
--------
>>> x = nf.asarray([[3.0, 4.0], [0.0, 2.0]])
>>> xp = x.__array_namespace__()
>>> xp.linalg.vector_norm(x, axis=1).compute()
array([5., 2.])
>>> xp.sort(x, axis=0)
ndfolio.Array([[0., 2.],
               [3., 4.]], shape=(2, 2), dtype=float64)
"""

from . import fft, linalg
from ._creation import *
from ._dtypes import (
    astype,
    bool,
    can_cast,
    complex64,
    complex128,
    e,
    finfo,
    float32,
    float64,
    iinfo,
    inf,
    int8,
    int16,
    int32,
    int64,
    isdtype,
    nan,
    newaxis,
    pi,
    result_type,
    uint8,
    uint16,
    uint32,
    uint64,
)
from ._elementwise import *
from ._info import __array_namespace_info__
from ._linear import *
from ._manipulation import *
from ._searching import *
from ._statistics import *

__array_api_version__ = "2024.12"
