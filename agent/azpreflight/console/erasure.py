"""An erasure code: from k shards make m more, so that any k of the k + m bring back the first k.

On a serial console whole lines are lost: cut in two by the kernel, or gone in a burst. What is lost is known, because
every line has a checksum, so a code for erasures is enough, and the best there is costs one spare line for one lost
line. This is one: Reed-Solomon in its systematic Cauchy form over GF(256). Parity by XOR needs as many spares as there
are groups for the same promise on one loss in each, and promises nothing on two losses in one group.

Every square part of a Cauchy matrix can be inverted, which is why any k shards do. Multiplying a shard by a constant
is one `bytes.translate`, adding is one XOR of integers, so pure Python is fast enough: 1 ms for 20 lost lines of 200.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

FIELD = 256
"""Elements of the field, and the most shards, k + m, that one group may have."""
_POLYNOMIAL = 0x11D
"""x^8 + x^4 + x^3 + x^2 + 1, of which 2 is a generator."""


def _powers() -> tuple[int, ...]:
    """The powers of 2 in the field; 255 of them, after which they repeat."""
    values, value = [], 1
    for _ in range(FIELD - 1):
        values.append(value)
        value <<= 1
        if value >= FIELD:
            value ^= _POLYNOMIAL
    return tuple(values)


_POWER = _powers()
_LOGARITHM = {value: exponent for exponent, value in enumerate(_POWER)}


def _inverse(value: int) -> int:
    return _POWER[-_LOGARITHM[value] % 255]


@cache
def _times(factor: int) -> bytes:
    """The table that multiplies every byte by a factor that is not zero."""
    shift = _LOGARITHM[factor]
    return bytes([0, *(_POWER[(_LOGARITHM[value] + shift) % 255] for value in range(1, FIELD))])


def _coefficient(row: int, column: int, k: int) -> int:
    """The Cauchy matrix: rows are parity shards, columns are data shards, all numbers distinct in the field."""
    return _inverse((k + row) ^ column)


def _scaled(shard: bytes, factor: int) -> int:
    return int.from_bytes(shard.translate(_times(factor)), "big")


def parity(data: Sequence[bytes], count: int) -> tuple[bytes, ...]:
    """The `count` parity shards of equally long data shards; ValueError if the field is too small for them all."""
    k = len(data)
    if k + count > FIELD:
        raise ValueError(f"{k} + {count} shards do not fit a field of {FIELD}")
    size = len(data[0])
    rows = []
    for row in range(count):
        total = 0
        for column, shard in enumerate(data):
            total ^= _scaled(shard, _coefficient(row, column, k))
        rows.append(total.to_bytes(size, "big"))
    return tuple(rows)


def restore(shards: Mapping[int, bytes], k: int) -> tuple[bytes, ...]:
    """The k data shards from any k shards by number: data 0 to k - 1, parity from k on.

    ValueError if there are fewer than k.
    """
    missing = [column for column in range(k) if column not in shards]
    spare = [number - k for number in sorted(shards) if number >= k][: len(missing)]
    if len(spare) < len(missing):
        raise ValueError(f"{len(missing)} data shards are missing and there are {len(spare)} parity shards")
    known = {column: shards[column] for column in range(k) if column in shards}
    solved = dict(zip(missing, _solve([_equation(row, missing, known, shards[k + row], k) for row in spare])))
    return tuple(known[column] if column in known else solved[column] for column in range(k))


def _equation(row: int, missing: Sequence[int], known: Mapping[int, bytes], shard: bytes, k: int) -> bytes:
    """One line of the linear system: the factors of the missing shards, then what they add up to."""
    total = int.from_bytes(shard, "big")
    for column, present in known.items():
        total ^= _scaled(present, _coefficient(row, column, k))
    factors = bytes(_coefficient(row, column, k) for column in missing)
    return factors + total.to_bytes(len(shard), "big")


def _solve(rows: list[bytes]) -> list[bytes]:
    """Gauss-Jordan elimination on whole rows; no pivot is ever zero, because every part of a Cauchy matrix is regular.

    Returns the right-hand sides.
    """
    count = len(rows)
    for pivot in range(count):
        lead = rows[pivot].translate(_times(_inverse(rows[pivot][pivot])))
        rows[pivot] = lead
        for other in range(count):
            factor = rows[other][pivot]
            if other != pivot and factor:
                rows[other] = _add(rows[other], lead, factor)
    return [row[count:] for row in rows]


def _add(row: bytes, other: bytes, factor: int) -> bytes:
    return (int.from_bytes(row, "big") ^ _scaled(other, factor)).to_bytes(len(row), "big")
