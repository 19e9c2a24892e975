"""The Open Inference Protocol's tensors, to and from the model's rows.

One named tensor per feature, of shape [n] or [n, 1], with null for a missing value; optionally
a tensor `group` of BYTES, which is counted and is not an input of the model. The
protocol: https://github.com/kserve/open-inference-protocol.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loans import FEATURES
from scorecard import Rows, Vector

MAX_ROWS = 1000
GROUP = "group"
_NUMBERS = {
    *("BOOL", "FP16", "FP32", "FP64"),
    *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)),
}


class InputError(ValueError):
    """A request that the client must change; the message names the tensor."""


@dataclass(frozen=True)
class Batch:
    """What a request asks: rows (n, 19), and the group of each, "" where not given."""

    id: str | None
    rows: Rows
    groups: Sequence[str]


def parse(body: bytes) -> Batch:
    """The rows of an inference request. Raises InputError."""
    try:
        request = json.loads(body)
    except ValueError as error:
        raise InputError(f"the body is not JSON: {error}") from error
    if not isinstance(request, dict) or not isinstance(request.get("inputs"), list):
        raise InputError('the body must be an object with a list "inputs"')
    request_id = request.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise InputError('"id" must be a string')

    tensors: dict[str, list[object]] = {}
    for tensor in request["inputs"]:
        name, data = _tensor(tensor)
        if name in tensors:
            raise InputError(f"tensor {name!r} is given twice")
        tensors[name] = data
    if missing := [f for f in FEATURES if f not in tensors]:
        raise InputError(f"tensors are missing: {', '.join(missing)}")
    sizes = {name: len(data) for name, data in tensors.items()}
    n = sizes[FEATURES[0]]
    if unequal := [name for name, size in sizes.items() if size != n]:
        raise InputError(f"tensors must have {n} values like the first: {', '.join(unequal)}")

    columns = [[_number(f, value) for value in tensors[f]] for f in FEATURES]
    groups = [_text(GROUP, value) for value in tensors.get(GROUP, [""] * n)]
    return Batch(request_id, np.array(columns, dtype=np.float64).T, groups)


def _tensor(tensor: object) -> tuple[str, list[object]]:
    """The checked name and data of one input tensor."""
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise InputError('each of "inputs" must be an object with a "name"')
    name, datatype, data = tensor["name"], tensor.get("datatype"), tensor.get("data")
    if name not in FEATURES and name != GROUP:
        raise InputError(f"there is no tensor {name!r}: there are {', '.join((*FEATURES, GROUP))}")
    if name == GROUP and datatype != "BYTES":
        raise InputError(f'tensor {name!r}: "datatype" must be BYTES')
    if name != GROUP and datatype not in _NUMBERS:
        raise InputError(f'tensor {name!r}: "datatype" must be a number, such as FP64')
    if not isinstance(data, list):
        raise InputError(f'tensor {name!r}: "data" must be a list')
    if not 1 <= len(data) <= MAX_ROWS:
        raise InputError(f"tensor {name!r}: between 1 and {MAX_ROWS} values, not {len(data)}")
    if tensor.get("shape") not in ([len(data)], [len(data), 1]):
        raise InputError(f'tensor {name!r}: "shape" must be [{len(data)}], the number of values')
    return name, data


def _number(name: str, value: object) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float):
        raise InputError(f"tensor {name!r}: not a number or null: {json.dumps(value)[:40]}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"tensor {name!r}: values must be finite")
    return number


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f"tensor {name!r}: not a string: {json.dumps(value)[:40]}")
    return value


def response(
    model: str, version: str, batch: Batch, scores: Vector, classes: Sequence[str]
) -> dict[str, object]:
    """The response to a batch: the tensors score and class, each of shape [n]."""
    answer: dict[str, object] = {
        "model_name": model,
        "model_version": version,
        "outputs": [
            {
                "name": "score",
                "datatype": "FP64",
                "shape": [len(scores)],
                "data": [float(score) for score in scores],
            },
            {
                "name": "class",
                "datatype": "BYTES",
                "shape": [len(classes)],
                "data": list(classes),
            },
        ],
    }
    if batch.id is not None:
        answer["id"] = batch.id
    return answer


def metadata(model: str, version: str) -> dict[str, object]:
    """Metadata of the model: its inputs and outputs."""
    return {
        "name": model,
        "versions": [version],
        "platform": "scikit-learn",
        "inputs": [
            *({"name": f, "datatype": "FP64", "shape": [-1]} for f in FEATURES),
            {"name": GROUP, "datatype": "BYTES", "shape": [-1]},
        ],
        "outputs": [
            {"name": "score", "datatype": "FP64", "shape": [-1]},
            {"name": "class", "datatype": "BYTES", "shape": [-1]},
        ],
    }
