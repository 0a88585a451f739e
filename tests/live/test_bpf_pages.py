"""Strings that the eBPF engine must wait for, since not all of their pages are in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import tracekit as tk
from tracekit.backends.bpf import kernel
from tracekit.backends.bpf.trying import abilities

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here: apt-get install gcc"),
]

SOURCE = """
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
__attribute__((noipa)) void f(const char *name) { __asm__ volatile("" ::"r"(name)); }
int main(void)
{
    enum { PAGE = 65536 }; /* a multiple of every processor's */
    FILE *file = tmpfile();
    if (fseek(file, PAGE - 3, SEEK_SET) || fputs("crossing", file) < 0 || ftruncate(fileno(file), 2 * PAGE))
        return 1;
    fflush(file);
    char *map = mmap(0, 2 * PAGE, PROT_READ, MAP_PRIVATE, fileno(file), 0);
    if (map == MAP_FAILED)
        return 1;
    (void)*(volatile char *)(map + PAGE - 3); /* which may bring in its neighbours */
    if (madvise(map + PAGE, PAGE, MADV_DONTNEED))
        return 1;
    f(map + PAGE - 3);
    if (madvise(map, 2 * PAGE, MADV_DONTNEED))
        return 1;
    f(map + PAGE - 3);
    munmap(map + PAGE, PAGE);
    f(map + PAGE - 3); /* no string: nothing ends it */
    return 0;
}
"""


def test_a_string_is_read_from_pages_that_are_not_in_memory(tmp_path: Path) -> None:
    """The second page alone, or both; where there is no second one, that is a fault."""
    if not abilities(kernel).sleeps:
        pytest.skip("this kernel's programs can't wait for a page: it takes 6.0")
    (tmp_path / "pages.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-o", tmp_path / "pages", tmp_path / "pages.c"], check=True)
    program = tk.parse(f'uprobe:"{tmp_path}/pages":f {{ @n[str(arg0)] = count() }}')
    result = tk.run(program, tk.Command([str(tmp_path / "pages")]), backend="bpf")
    assert {keys: h.count for keys, h in result["n"].entries.items()} == {("crossing",): 2, ("",): 1}
    assert [loss.count for loss in result.losses] == [1]
