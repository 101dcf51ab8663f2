"""Rows of bits: one bit per participant, 64 participants to a word, the first lowest; zeros behind the last.

Participants in a row of bits are a set; what sets have in common, and how many are in them, takes a few operations on
a word for 64 participants. Turned upright, rows are one mask per participant.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Masks = NDArray[np.int64]
Words = NDArray[np.uint64]
Counts = NDArray[np.int64]
STEP = 1 << 16
"""Participants turned sideways at a time, so that they stay in the processor's cache; a multiple of 64."""


def sideways(masks: Masks, criteria: int) -> Words:
    """Turn one mask per participant into one row of bits per criterion, shape (criteria, words)."""
    bits = np.zeros((criteria, -(-len(masks) // 64) * 8), dtype=np.uint8)
    for first in range(0, len(masks), STEP):
        octets = masks[first : first + STEP].astype("<i8", copy=False).view(np.uint8).reshape(-1, 8)
        for position in range(criteria):
            if position % 8 == 0:
                column = np.ascontiguousarray(octets[:, position // 8])
            packed = np.packbits(column & np.uint8(1 << position % 8), bitorder="little")
            bits[position, first // 8 : first // 8 + len(packed)] = packed
    return bits.view("<u8").astype(np.uint64, copy=False)


def upright(bits: Words, participants: int) -> Masks:
    """Turn rows of bits into one mask per participant, the first row lowest."""
    masks = np.zeros(participants, dtype=np.int64)
    for position, row in enumerate(bits):
        masks |= membership(row, participants).astype(np.int64) << position
    return masks


def joined(pieces: Mapping[int, Words], shape: tuple[int, ...], participants: int) -> Words:
    """Put pieces of rows of bits together, each at the place of its first participant."""
    whole = np.zeros((*shape, -(-participants // 64) + 2), dtype=np.uint64)
    for first, bits in pieces.items():
        word, shift = divmod(first, 64)
        behind = word + bits.shape[-1]
        whole[..., word:behind] |= bits << np.uint64(shift)
        if shift:
            whole[..., word + 1 : behind + 1] |= bits >> np.uint64(64 - shift)
    return whole[..., :-2]


def membership(bits: Words, participants: int) -> NDArray[np.bool_]:
    """Return for each participant whether a row has the bit."""
    octets = bits.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, count=participants, bitorder="little").view(np.bool_)


def size(bits: Words) -> int:
    """Count the participants in a row of bits."""
    return int(sizes(bits))


def sizes(bits: Words) -> Counts:
    """Count the participants in each row of bits."""
    counts: Counts = np.bitwise_count(bits).sum(axis=-1, dtype=np.int64)
    return counts


def union(bits: Words) -> Words:
    """Return the participants in at least one row."""
    found: Words = np.bitwise_or.reduce(bits, axis=0)
    return found


def exactly_once(bits: Words) -> Words:
    """Return the participants in exactly one row."""
    once, twice = (np.zeros(bits.shape[1], dtype=np.uint64) for _kind in range(2))
    for row in bits:
        twice |= once & row
        once |= row
    return once & ~twice
