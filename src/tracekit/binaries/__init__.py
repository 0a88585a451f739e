"""Others' binaries: what they say is read by a process without privileges, where we have any."""

from tracekit.binaries.binary import Binary, open_elf, open_macho, prepare

__all__ = ["Binary", "open_elf", "open_macho", "prepare"]
