"""`python -m tests.site`: build the site into build/site, and fail if something is wrong."""

import sys

from tests.site.build import ROOT, build, repository
from tests.site.check import problems


def main() -> int:
    """The exit code."""
    site = build(ROOT)
    wrong = problems(site, repository(ROOT), ROOT)
    for problem in wrong:
        print(problem, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
