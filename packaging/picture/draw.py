"""Draws what screens.sh has printed as one SVG of a terminal: draw.py TEXT SVG."""

import re
import sys

from rich.console import Console
from rich.text import Text

COLUMNS = 100


def screens(lines):
    """Each command with its lines, from between the marks."""
    command, shown = None, []
    for line in lines:
        if line.startswith("SCREEN "):
            command = line.removeprefix("SCREEN ").replace("--color always ", "")
            shown = []
        elif line == "END" and command:
            yield command, shown
            command = None
        elif command:
            shown.append(line)


def main(source, target):
    console = Console(record=True, width=COLUMNS, file=open("/dev/null", "w", encoding="utf-8"))
    with open(source, encoding="utf-8") as text:
        found = list(screens(text.read().splitlines()))
    if not found:
        sys.exit(f"{source} has no screen")
    for command, lines in found:
        console.print(Text("# " + command, style="bold green"))
        console.print(Text.from_ansi("\n".join(lines)))
        console.print()
    # Rich would have whoever looks at the picture fetch a font from elsewhere.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="mvmhost"), flags=re.DOTALL)
    with open(target, "w", encoding="utf-8") as svg:
        svg.write(drawn)


main(*sys.argv[1:])
