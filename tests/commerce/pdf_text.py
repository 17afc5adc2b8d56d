"""What a reader sees in a PDF of fpdf2: its letters in the order in which they were drawn."""

import re
import zlib

OBJECT = re.compile(rb"^(\d+) 0 obj\n(.*?)^endobj", re.DOTALL | re.MULTILINE)
STREAM = re.compile(rb"^stream\n(.*?)\nendstream", re.DOTALL | re.MULTILINE)
FONT = re.compile(rb"/F(\d+) (\d+) 0 R")
MEANING = re.compile(rb"/ToUnicode (\d+) 0 R")
PAIR = re.compile(rb"<([0-9A-F]{4})> <([0-9A-F]+)>\n")
# A choice of font, or letters: two bytes each, with brackets and backslashes escaped.
DRAWN = re.compile(rb"/F(\d+) [\d.]+ Tf|\(((?:[^\\()]|\\.)*)\)", re.DOTALL)
ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
CONTROL = {b"r": b"\r", b"n": b"\n"}


def letters_in(content: bytes) -> str:
    fonts, streams = _read(content)
    return "".join(_drawn(stream, fonts) for stream in streams if b" Tf" in stream)


def shapes_of(letter: str, content: bytes) -> int:
    """In how many forms a letter is there: alone, or joined to others."""
    fonts, _streams = _read(content)
    return max(sum(letter == meant for meant in font.values()) for font in fonts.values())


def _read(content):
    objects = dict(OBJECT.findall(content))
    streams = {number: _stream(body) for number, body in objects.items() if b"stream\n" in body}
    fonts = {}
    for body in objects.values():
        for font, number in FONT.findall(body):
            [meaning] = MEANING.findall(objects[number])
            fonts[font] = {
                int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be")
                for code, text in PAIR.findall(streams[meaning])
            }
    return fonts, list(streams.values())


def _stream(body: bytes) -> bytes:
    [data] = STREAM.findall(body)
    return zlib.decompress(data) if b"FlateDecode" in body else data


def _drawn(stream, fonts):
    found, letters = [], {}
    for font, text in DRAWN.findall(stream):
        if font:
            letters = fonts[font]
            continue
        plain = ESCAPED.sub(lambda match: CONTROL.get(match[1], match[1]), text)
        found += [letters.get(int.from_bytes(plain[at : at + 2]), "") for at in range(0, len(plain), 2)]
    return "".join(found)
