"""Vector figures from numbers: a small writer of SVG, and scales with round ticks. No plotting library is needed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files

from markupsafe import Markup, escape

SHEETS = ("colours.css", "figures.css")
"""What colours figures and the pages that they stand on."""
SMALLEST_STEPS = (1, 2, 2.5, 5, 10)


FILE = Markup(
    '<svg xmlns="http://www.w3.org/2000/svg" class="figure" viewBox="0 0 {width} {height}" width="{width}" '
    'height="{height}" role="img" aria-label="{title}">\n<style>{style}</style>\n'
    '<rect class="paper" width="100%" height="100%"/>\n{inner}\n</svg>\n'
)


@dataclass
class Drawing:
    """A picture that grows: shapes are added in the order in which they lie above each other.

    Args:
        width: of the picture, in its own units; text is 12 high.
        height: of the picture.
        title: what it shows, for those who cannot see it.
    """

    width: float
    height: float
    title: str
    shapes: list[Markup] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Adds a straight line."""
        self._add("line", kind, x1=x1, y1=y1, x2=x2, y2=y2)

    def circle(self, x: float, y: float, radius: float, kind: str) -> None:
        """Adds a disc."""
        self._add("circle", kind, cx=x, cy=y, r=radius)

    def rectangle(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """Adds an upright rectangle."""
        self._add("rect", kind, x=x, y=y, width=width, height=height)

    def path(self, points: list[tuple[float, float]], kind: str) -> None:
        """Adds a line through points."""
        self._add("polyline", kind, points=" ".join(f"{_short(x)},{_short(y)}" for x, y in points))

    def area(self, points: list[tuple[float, float]], kind: str) -> None:
        """Adds the area that points enclose."""
        self._add("polygon", kind, points=" ".join(f"{_short(x)},{_short(y)}" for x, y in points))

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """Adds words that begin at x, or end or stand there when kind says ``end`` or ``middle``."""
        shape = Markup('<text class="{}" x="{}" y="{}">{}</text>')
        self.shapes.append(shape.format(kind, _short(x), _short(y), visible(words)))

    def svg(self) -> Markup:
        """The picture as an ``svg`` element, coloured by the style sheet of the page it stands on."""
        head = Markup('<svg class="figure" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            _short(self.width), _short(self.height), visible(self.title)
        )
        return head + Markup("\n").join(self.shapes) + Markup("</svg>")

    def file(self) -> str:
        """The picture as an SVG file for papers: light, on white paper, in colours that every program understands."""
        inner = Markup("\n").join(self.shapes)
        return FILE.format(
            width=_short(self.width), height=_short(self.height), title=visible(self.title), style=_light(), inner=inner
        )

    def _add(self, name: str, kind: str, **numbers: float | str) -> None:
        parts = Markup(" ").join(
            Markup('{}="{}"').format(key, value if isinstance(value, str) else _short(value))
            for key, value in numbers.items()
        )
        self.shapes.append(Markup("<{} {} {}/>").format(name, Markup('class="{}"').format(kind), parts))


@dataclass(frozen=True)
class Scale:
    """Numbers from low to high become places from start to end; ``bend`` (such as a logarithm) is applied first."""

    low: float
    high: float
    start: float
    end: float
    bend: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """The place of a number."""
        low, high = self.bend(self.low), self.bend(self.high)
        share = 0.5 if high == low else (self.bend(value) - low) / (high - low)
        return self.start + share * (self.end - self.start)


def round_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers from at most low to at least high, about as many as wanted."""
    if high <= low:
        low, high = low - 0.05, high + 0.05
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * part for part in SMALLEST_STEPS if power * part >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def decade_ticks(low: float, high: float) -> list[float]:
    """Powers of ten from at most low to at least high; below 1 there is one tick, 0. At most eight in all."""
    first = 0 if low < 1 else math.floor(math.log10(low))
    top = max(first + 1, math.ceil(math.log10(max(high, 1))))
    # A logarithm is rounded: that of a number just below or above a power of ten may be the power's own.
    first -= low >= 1 and 10.0**first > low
    top += 10.0**top < high
    step = math.ceil((top - first) / 6)
    last = first + math.ceil((top - first) / step) * step
    return [0.0] * (low < 1) + [10.0**exponent for exponent in range(first, last + 1, step)]


def from_zero_log(value: float) -> float:
    """log10(1 + value): a logarithm that has a place for 0."""
    return math.log10(1 + value)


def sheets() -> str:
    """The style of figures on a page, in the light and in the dark."""
    return "".join(files("promptsci.report").joinpath(name).read_text(encoding="utf-8") for name in SHEETS)


def _light() -> Markup:
    """The style of figures in plain colours: few programs but browsers know variables and ``light-dark``."""
    style = re.sub(r"light-dark\((#\w+), #\w+\)", r"\1", sheets())
    colours = dict(re.findall(r"--(\w+): (#\w+);", style))
    rules = style[style.index(".figure") :]
    return Markup(re.sub(r"var\(--(\w+)\)", lambda name: colours[name[1]], rules))  # noqa: S704 - our own files


def visible(text: str) -> str:
    """The text with what HTML and XML cannot hold (control characters, lone surrogates) as U+FFFD."""
    return "".join("\ufffd" if _unprintable(letter) else letter for letter in text)


def _unprintable(letter: str) -> bool:
    code = ord(letter)
    return (
        (code < 32 and letter not in "\t\n")
        or 0x7F <= code < 0xA0
        or 0xD800 <= code < 0xE000
        or code & 0xFFFE == 0xFFFE
    )


def _short(number: float) -> Markup:
    return escape(f"{number:.2f}".rstrip("0").rstrip("."))
