"""Draws what a terminal showed, as SVG."""

from collections.abc import Iterable, Sequence
from html import escape
from textwrap import wrap
from typing import Final

WIDTH: Final = 116
"""Characters of the terminal."""
_CHARACTER, _LINE, _EDGE = 7.25, 17.0, 18.0
"""Width of a character, height of a line, and what is left free around them."""
_BAR: Final = 30.0
"""Height of the title."""
_SECONDS: Final = 2.5
"""For which a frame of a film is shown."""
_COLOURS: Final = {
    "CheckFailed": "#ff7b72",
    "Degraded": "#ff7b72",
    "RolledBack": "#ff7b72",
    "rejected": "#ff7b72",
    "promoted": "#7ee787",
    "Healthy": "#7ee787",
    "Progressing": "#79c0ff",
    "Act ": "#ffffff",
}
"""Of a line with this word; the first that it has."""


def drawn(title: str, lines: Iterable[str]) -> str:
    """The picture of these lines; one that is longer than the terminal goes on below, indented."""
    shown = [part for line in lines for part in _wrapped(line)]
    return _picture(title, len(shown), _rows(shown))


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 4)
    return wrap(line, WIDTH, subsequent_indent=indent) or [""]


def filmed(title: str, frames: Sequence[Sequence[str]]) -> str:
    """A picture that shows one frame after the other, and the last one twice as long, or alone
    where no motion is wanted."""
    turns = len(frames) + 1
    style = [
        f".f{{visibility:hidden;animation:{turns * _SECONDS:g}s step-end infinite}}",
        f".f{len(frames) - 1}{{visibility:visible}}",
        "@media (prefers-reduced-motion:reduce){.f{animation:none}}",
    ]
    body = list[str]()
    for number, frame in enumerate(frames):
        begins, ends = (100 * n / turns for n in (number, number + 1))
        last = number == len(frames) - 1
        hidden = "" if last else f"{ends:.2f}%{{visibility:hidden}}"
        before = "0%{visibility:hidden}" if number else ""
        style.append(f"@keyframes f{number}{{{before}{begins:.2f}%{{visibility:visible}}{hidden}}}")
        style.append(f".f{number}{{animation-name:f{number}}}")
        body += [f'<g class="f f{number}">', *_rows([line[:WIDTH] for line in frame]), "</g>"]
    return _picture(title, max(map(len, frames)), body, "".join(style))


def _picture(title: str, lines: int, body: Iterable[str], style: str = "") -> str:
    width = WIDTH * _CHARACTER + 2 * _EDGE
    height = _BAR + lines * _LINE + 2 * _EDGE
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>text{{white-space:pre}}{style}</style>",
            '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
            *(
                f'<circle cx="{_EDGE + 18 * number:.0f}" cy="{_BAR / 2 + 3:.0f}" r="5" '
                f'fill="{fill}"/>'
                for number, fill in enumerate(("#ff5f57", "#febc2e", "#28c840"))
            ),
            '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12" '
            'xml:space="preserve">',
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _rows(lines: Sequence[str]) -> Iterable[str]:
    for number, line in enumerate(lines):
        y = _BAR + _EDGE + number * _LINE
        length = f'textLength="{len(line) * _CHARACTER:.1f}"' if line else ""
        fill = next((fill for word, fill in _COLOURS.items() if word in line), "#c9d1d9")
        yield f'<text x="{_EDGE:.0f}" y="{y:.1f}" {length} fill="{fill}">{escape(line)}</text>'
