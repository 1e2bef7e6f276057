"""Reading a ZIP archive that nobody vouches for: in memory, with bounds, names never as paths."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from llmrec_pipeline.sources.pull import InvalidStructure, RawPage

MAX_MEMBERS = 1_000
MAX_UNPACKED = 64_000_000
# The directory at an archive's end is read before its entries can be counted.
_MAX_DIRECTORY = 500_000
_END = b"PK\x05\x06"
_END_SIZE = 22
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
# How zipfile says that an entry or the directory is not what it should be; what it does not know at
# all (a later version of the format, patched data, strong encryption) is not implemented.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    ValueError,
)


def unpacked(page: RawPage, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The wanted files by their bare names, folders left out; of two with one name the first.
    What an entry says of its size is not believed. Raises InvalidStructure."""
    _require_small_directory(page)
    files: dict[str, bytes] = {}
    room = MAX_UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(page.body)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_MEMBERS:
                raise InvalidStructure(f"{page.name}: more than {MAX_MEMBERS} files")
            for entry in entries:
                name = entry.filename.replace("\\", "/").rpartition("/")[2]
                if not name or name.startswith(".") or name in files or not wanted(name):
                    continue
                if entry.compress_type not in _METHODS or entry.flag_bits & _ENCRYPTED:
                    raise InvalidStructure(f"{page.name}: {name}: encrypted, or packed another way")
                with archive.open(entry) as packed:
                    files[name] = packed.read(room + 1)
                room -= len(files[name])
                if room < 0:
                    raise InvalidStructure(
                        f"{page.name}: unpacks to more than {MAX_UNPACKED} bytes"
                    )
    except _DAMAGE as error:
        raise InvalidStructure(f"{page.name}: damaged ZIP: {error}") from None
    return files


def _require_small_directory(page: RawPage) -> None:
    at = page.body.rfind(_END, max(0, len(page.body) - _END_SIZE - 0xFFFF))
    end = page.body[at : at + _END_SIZE] if at >= 0 else b""
    if len(end) < _END_SIZE:
        kind = "HTML" if page.body.lstrip()[:1] == b"<" else "no ZIP archive, or half of one"
        raise InvalidStructure(f"{page.name}: {kind}, {len(page.body)} bytes")
    if int.from_bytes(end[12:16], "little") > _MAX_DIRECTORY:
        raise InvalidStructure(f"{page.name}: its directory is larger than {_MAX_DIRECTORY} bytes")
