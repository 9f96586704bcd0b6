"""NVIDIA GPUs as the driver's own library (NVML) reports them.

Two readers of the same library: `pynvml` where nvidia-ml-py is installed, else ctypes. Nothing is
raised: what cannot be read is None, and what stands in the way is a Trouble with its cure.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

T = TypeVar("T")
Kind = Literal["library missing", "driver not loaded", "version mismatch", "no permission", "other"]

_NO_PERMISSION, _DRIVER_NOT_LOADED, _LIBRARY_NOT_FOUND, _MISMATCH = 4, 9, 12, 18
_FUNCTION_NOT_FOUND = 13


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the GPUs, or some of them, could not be read."""

    kind: Kind
    detail: str
    cure: str


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU. `memory` is its total in bytes; None where the driver does not say."""

    index: int
    name: str | None
    uuid: str | None
    memory: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look gave. Devices beside a trouble are those that could still be read."""

    driver: str | None = None
    devices: tuple[Device, ...] = ()
    trouble: Trouble | None = None


class NvmlError(Exception):
    """A call into the library failed with this code (`nvmlReturn_t`). Stays inside this module."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(words)
        self.code = code


class Library(Protocol):
    """What both readers can do. Every method raises NvmlError."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def driver(self) -> str: ...
    def count(self) -> int: ...
    def handle(self, index: int) -> Any: ...
    def name(self, handle: Any) -> str: ...
    def uuid(self, handle: Any) -> str: ...
    def memory(self, handle: Any) -> int: ...


class Pynvml:
    """The library through nvidia-ml-py. Raises ImportError where that is not installed."""

    def __init__(self) -> None:
        import pynvml

        self._module: Any = pynvml

    def start(self) -> None:
        self._call("nvmlInit")

    def stop(self) -> None:
        self._call("nvmlShutdown")

    def driver(self) -> str:
        return str(self._call("nvmlSystemGetDriverVersion"))

    def count(self) -> int:
        return int(self._call("nvmlDeviceGetCount"))

    def handle(self, index: int) -> Any:
        return self._call("nvmlDeviceGetHandleByIndex", index)

    def name(self, handle: Any) -> str:
        return str(self._call("nvmlDeviceGetName", handle))

    def uuid(self, handle: Any) -> str:
        return str(self._call("nvmlDeviceGetUUID", handle))

    def memory(self, handle: Any) -> int:
        return int(self._call("nvmlDeviceGetMemoryInfo", handle).total)

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return getattr(self._module, name)(*arguments)
        except self._module.NVMLError as error:
            raise NvmlError(int(error.value), str(error)) from None


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class Ctypes:
    """The library itself, for an interpreter that holds nothing but Python."""

    def __init__(self) -> None:
        self._library: Any = None

    def start(self) -> None:
        try:
            self._library = ctypes.CDLL("libnvidia-ml.so.1")
        except OSError as error:
            raise NvmlError(_LIBRARY_NOT_FOUND, str(error)) from None
        self._call("nvmlInit_v2")

    def stop(self) -> None:
        self._call("nvmlShutdown")

    def driver(self) -> str:
        return self._text("nvmlSystemGetDriverVersion")

    def count(self) -> int:
        found = ctypes.c_uint()
        self._call("nvmlDeviceGetCount_v2", ctypes.byref(found))
        return found.value

    def handle(self, index: int) -> Any:
        handle = ctypes.c_void_p()
        self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
        return handle

    def name(self, handle: Any) -> str:
        return self._text("nvmlDeviceGetName", handle)

    def uuid(self, handle: Any) -> str:
        return self._text("nvmlDeviceGetUUID", handle)

    def memory(self, handle: Any) -> int:
        memory = _Memory()
        self._call("nvmlDeviceGetMemoryInfo", handle, ctypes.byref(memory))
        return int(memory.total)

    def _text(self, name: str, *arguments: Any) -> str:
        buffer = ctypes.create_string_buffer(96)
        self._call(name, *arguments, buffer, ctypes.c_uint(len(buffer)))
        return buffer.value.decode("utf-8", "replace")

    def _call(self, name: str, *arguments: Any) -> None:
        try:
            function = getattr(self._library, name)
        except AttributeError:
            raise NvmlError(_FUNCTION_NOT_FOUND, f"the driver has no {name}") from None
        if code := function(*arguments):
            raise NvmlError(code, self._words(code))

    def _words(self, code: int) -> str:
        try:
            function = self._library.nvmlErrorString
        except AttributeError:
            return f"NVML error {code}"
        function.restype = ctypes.c_char_p
        words = function(code)
        return words.decode("utf-8", "replace") if words else f"NVML error {code}"


READERS: Mapping[str, Callable[[], Library]] = {"pynvml": Pynvml, "ctypes": Ctypes}


def read(reader: str = "") -> Reading:
    """Look once, with the named reader or the first that this interpreter has."""
    for name, make in READERS.items():
        if reader in ("", name):
            with contextlib.suppress(ImportError):
                return _read(make())
    return Reading(trouble=_trouble(NvmlError(0, f"the reader {reader} is not installed")))


def _read(library: Library) -> Reading:
    try:
        library.start()
    except NvmlError as error:
        return Reading(trouble=_trouble(error))
    try:
        driver = _or_none(library.driver)
        try:
            count = library.count()
        except NvmlError as error:
            return Reading(driver, trouble=_trouble(error))
        devices, trouble = [], None
        for index in range(count):
            try:
                devices.append(_device(library, index))
            except NvmlError as error:
                trouble = _trouble(error, f"GPU {index}: ")
        return Reading(driver, tuple(devices), trouble)
    finally:
        with contextlib.suppress(NvmlError):
            library.stop()


def _device(library: Library, index: int) -> Device:
    handle = library.handle(index)
    return Device(
        index,
        _or_none(lambda: library.name(handle)),
        _or_none(lambda: library.uuid(handle)),
        _or_none(lambda: library.memory(handle)),
    )


def _or_none(read_field: Callable[[], T]) -> T | None:
    # A card may know one field and refuse another (vGPU, consumer cards, containers).
    try:
        return read_field()
    except NvmlError:
        return None


def _trouble(error: NvmlError, where: str = "") -> Trouble:
    kind, cure = _KNOWN.get(error.code, ("other", "run nvidia-smi: it names what is wrong"))
    return Trouble(kind, f"{where}{kind}: {error}" if kind != "other" else f"{where}{error}", cure)


_KNOWN: Mapping[int, tuple[Kind, str]] = {
    _LIBRARY_NOT_FOUND: (
        "library missing",
        "install the NVIDIA driver (libnvidia-ml.so.1 comes with it); in a container, pass the"
        " GPUs in (docker run --gpus all)",
    ),
    _DRIVER_NOT_LOADED: (
        "driver not loaded",
        "load the kernel module (sudo modprobe nvidia), or restart after installing the driver",
    ),
    _MISMATCH: (
        "version mismatch",
        "the driver was updated under a running kernel module: restart the machine",
    ),
    _NO_PERMISSION: (
        "no permission",
        "give this user access to /dev/nvidia* (or the container its GPU devices)",
    ),
}
