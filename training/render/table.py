"""Reads the table of serial formats (internal/issuer/formats.tsv), which the renderer shares with the program."""
import functools
import pathlib

TABLE = pathlib.Path(__file__).resolve().parents[2] / "internal" / "issuer" / "formats.tsv"
MOST = 12  # how often the most usual pattern of an issuer stands among its words


@functools.cache
def rows():
    """(issuer, kind, weight, pattern) of each row."""
    out = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            issuer, kind, weight, pattern, _ = line.split("\t")
            out.append((issuer, kind, float(weight), pattern))
    return tuple(out)


def letters():
    """issuer -> the letters of its serials, where some are left out; a second word holds from the first gap on."""
    return {issuer: pattern for issuer, kind, _, pattern in rows() if kind == "letters"}


def patterns(issuer, kinds=None):
    """The patterns of an issuer as words, each as often as its weight says, at least once; kinds: only these."""
    mine = [(weight, pattern) for i, kind, weight, pattern in rows() if i == issuer and kind != "letters" and (kinds is None or kind in kinds)]
    top = max(weight for weight, _ in mine)
    return " ".join(" ".join([pattern] * max(1, round(MOST * weight / top))) for weight, pattern in mine)
