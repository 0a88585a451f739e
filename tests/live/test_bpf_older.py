"""The eBPF engine as it is on kernels that lack something, here: as exact as with all that this kernel has.

``make kernels`` boots such kernels.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

import tracekit as tk
from tracekit.backends.bpf.abilities import Abilities

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root: run the tests as root"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc here: apt-get install gcc"),
]

SOURCE = """
__attribute__((noipa)) long f1(const char *name, long n) { return n - 1000000000000; }
__attribute__((noipa)) long f2(const char *name, long n) { return -n * 3000000000; }
int main(void)
{
    static const char *const volatile names[] = {"odd", "even", "both"};
    for (int n = 0; n < 3; n++) /* has their page in memory, where kernels look that can't wait for it */
        (void)*(const volatile char *)names[n];
    for (long n = 0; n < 100; n++) {
        f1(n % 2 ? "odd" : "even", n);
        f2("both", n);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program of this module's own."""
    folder = tmp_path_factory.mktemp("older")
    (folder / "older.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O1", "-o", folder / "older", folder / "older.c"], check=True)
    return str(folder / "older")


@pytest.mark.parametrize("lacking", ["sleeps", "many", "numbers", "swaps", "all"])
def test_what_a_kernel_lacks_changes_no_number(
    lacking: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, counts, sums and extremes are those of the values that were passed and returned."""
    names = ("sleeps", "many", "numbers", "swaps")
    found = Abilities(**dict.fromkeys(names if lacking == "all" else (lacking,), False))
    monkeypatch.setattr("tracekit.backends.bpf.run.abilities", lambda _: found)
    text = f"""
        uprobe:"{target}":f* {{ @name[func, str(arg0)] = count() }}
        uretprobe:"{target}":f* {{ @value[func] = stats(retval); @time[func] = hist(elapsed) }}
    """
    result = tk.run(tk.parse(text), tk.Command([target]), backend="bpf")
    assert not result.losses
    names_of = {keys: h.count for keys, h in result["name"].entries.items()}
    assert names_of == {("f1", "even"): 50, ("f1", "odd"): 50, ("f2", "both"): 100}
    figures = {keys: (h.count, h.sum, h.min, h.max) for keys, h in result["value"].entries.items()}
    first, second = [n - 10**12 for n in range(100)], [-n * 3 * 10**9 for n in range(100)]
    assert figures == {
        (name,): (100, sum(values), min(values), max(values))
        for name, values in (("f1", first), ("f2", second))
    }
    assert {keys: h.count for keys, h in result["time"].entries.items()} == {("f1",): 100, ("f2",): 100}
