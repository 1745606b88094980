"""The summary of an MSI without the moment and the random number that wixl writes into it.

Facts: [MS-OLEPS], property set F29F85E0-4FF9-1068-AB91-08002B27B3D9; 9 is the package's number, 12 and 13 are times.
"""

from __future__ import annotations

import struct
import uuid
from hashlib import sha256

from appliance.packages.archive import EPOCH

_SET = bytes.fromhex("e0859ff2f94f6810ab9108002b27b3d9")
_TEXT, _TIME = 30, 64
_NUMBER, _CREATED, _SAVED = 9, 12, 13
_PLACE_OF_SET = 28
"""Where in its stream the set is named."""
_TO_1980 = EPOCH + 11_644_473_600
"""Seconds from 1601, where Windows begins."""


class BadSummary(ValueError):
    """The file has no summary of this form."""


def settle(msi: bytes, names: uuid.UUID) -> bytes:
    """Return the MSI with one time for all and a number made of its content; raises BadSummary."""
    data = bytearray(msi)
    try:
        places = _places(data)
        for place in (places[_CREATED], places[_SAVED]):
            _expect(data, place, _TIME)
            struct.pack_into("<Q", data, place + 4, _TO_1980 * 10_000_000)
        number = places[_NUMBER]
        _expect(data, number, _TEXT)
        struct.pack_into("38s", data, number + 8, b"0" * 38)
        made = str(uuid.uuid5(names, sha256(data).hexdigest())).upper()
        struct.pack_into("38s", data, number + 8, f"{{{made}}}".encode("ascii"))
    except (struct.error, KeyError) as error:
        raise BadSummary(str(error)) from error
    return bytes(data)


def _places(data: bytearray) -> dict[int, int]:
    """Return where each property of the summary stands."""
    named = data.find(_SET)
    if named < _PLACE_OF_SET:
        raise BadSummary("no summary")
    stream = named - _PLACE_OF_SET
    (offset,) = struct.unpack_from("<I", data, named + 16)
    section = stream + offset
    _, count = struct.unpack_from("<II", data, section)
    if count > 64:
        raise BadSummary("too many properties")
    pairs = [struct.unpack_from("<II", data, section + 8 + 8 * place) for place in range(count)]
    return {number: section + at for number, at in pairs}


def _expect(data: bytearray, place: int, kind: int) -> None:
    (found,) = struct.unpack_from("<I", data, place)
    if found != kind:
        raise BadSummary(f"property of type {found} in place of {kind}")
