"""Runs inside gdb: writes the machine's state at every entry of some functions into a file.

The job comes as JSON in the file that $TK_JOB names.
"""

import json
import os
import pickle  # to hand bytes over to the process that started this one
import traceback

import gdb

STACK = 8192
BEHIND = 512
WORDS = 96
VECTORS = {"x86_64": ("xmm", 16, "v2_int64"), "aarch64": ("v", 32, "d")}
GENERAL = {
    "x86_64": ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)), "rip"],
    "aarch64": [*(f"x{n}" for n in range(31)), "sp", "pc"],
}

with open(os.environ["TK_JOB"]) as file:
    job = json.load(file)
machine = job["machine"]
general = GENERAL[machine]
hits = []


def read(address, size):
    """Some bytes of memory, as many as there are."""
    while size >= 8:
        try:
            return bytes(gdb.selected_inferior().read_memory(address, size))
        except gdb.MemoryError:
            size //= 2
    return b""


def vectors(frame):
    """All vector registers, as bytes."""
    prefix, count, halves = VECTORS[machine]
    found = {}
    for number in range(count):
        value = frame.read_register(f"{prefix}{number}")[halves]
        value = value if machine == "x86_64" else value["u"]
        found[f"{prefix}{number}"] = b"".join(
            (int(value[i]) & (1 << 64) - 1).to_bytes(8, "little") for i in range(2)
        )
    return found


class Entry(gdb.Breakpoint):
    """A function's entry."""

    def __init__(self, address, base):
        """Places it."""
        super().__init__(f"*{base + address:#x}", gdb.BP_BREAKPOINT, internal=True)
        self.address = address

    def stop(self):
        """Writes down the state, and goes on."""
        try:
            now = int.from_bytes(read(job["now"] + base, 8), "little")
            # Go enters a function again once its scheduler has taken the processor away, which it does whenever
            # 10 ms have passed: quick here, for else that never ends.
            if not hits or (hits[-1]["address"], hits[-1]["now"]) != (self.address, now):
                hits.append(self.state(now))
        except BaseException:  # an error in here would otherwise be lost
            traceback.print_exc()
            os._exit(3)
        return False

    def state(self, now):
        """The machine's state."""
        frame = gdb.newest_frame()
        registers = {n: int(frame.read_register(n)) & (1 << 64) - 1 for n in general}
        sp = registers["rsp" if machine == "x86_64" else "sp"]
        stack = read(sp, STACK)
        words = [int.from_bytes(stack[i : i + 8], "little") for i in range(0, 8 * WORDS, 8)]
        memory = {}
        for pointer in {*registers.values(), *words}:
            if 4096 < pointer < 1 << 48 and not sp <= pointer <= sp + len(stack) - BEHIND:
                found = read(pointer, BEHIND)
                if found:
                    memory[pointer] = found
        return {
            "address": self.address,
            "now": now,
            "dyn": read(job["dyn"] + base, 8 * 128),
            "registers": registers,
            "vectors": vectors(frame),
            "stack": stack,
            "memory": memory,
        }


def auxiliary(tag):
    """A number that the kernel told the program."""
    for line in gdb.execute("info auxv", to_string=True).splitlines():
        words = line.split()
        if words[1] == tag:
            return int(words[-1], 0)
    raise RuntimeError(tag)


try:
    for setting in (
        "pagination off",
        "confirm off",
        "breakpoint always-inserted on",
        "startup-with-shell off",
        "print thread-events off",
        "disable-randomization on",
    ):
        gdb.execute(f"set {setting}")
    for signal in ("SIGURG", "SIGPIPE", "SIGCHLD"):
        gdb.execute(f"handle {signal} nostop noprint pass")
    if "remote" in job:
        gdb.execute(f"set architecture {machine}")
        gdb.execute(f"target remote {job['remote']}")
    else:
        gdb.execute(f"exec-file {job['program']}")
        gdb.execute("set environment GODEBUG asyncpreemptoff=1")
        gdb.execute("starti > /dev/null")
    base = auxiliary("AT_ENTRY") - job["entry"]
    points = [Entry(address, base) for address in job["addresses"]]
    gdb.execute("continue")
    gone = not gdb.selected_inferior().pid or not gdb.selected_inferior().threads()
    status = gdb.parse_and_eval("$_exitcode")
    code = None if not gone or str(status) == "void" else int(status)
    if not gone:
        gdb.execute("kill")
    with open(job["out"], "wb") as file:
        pickle.dump({"base": base, "status": code, "hits": hits}, file, protocol=4)
except BaseException:
    traceback.print_exc()
    os._exit(3)
