"""Near names."""

import random
import string

import pytest
from tests.hang import ends

from tracekit.core.near import near

NAMES = ["cache_insert", "cache_remove", "main", "main.cacheLookup", "main.(*T).Insert"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cache_isnert", "cache_insert"),
        ("cacheinsert", "cache_insert"),
        ("CACHE_INSERT", "cache_insert"),
        ("mian", "main"),
        ("cachelookup", "main.cacheLookup"),
        ("insert", "main.(*T).Insert"),
        ("main.cachLookup", "main.cacheLookup"),
    ],
)
def test_slips_of_the_keyboard(typed, meant):
    """Swapped, missing and wrongly cased letters, and a missing qualifier, lead to the name that was meant."""
    assert near(typed, NAMES)[0] == meant


def test_nothing_alike_suggests_nothing():
    """A name that is like none gives no suggestion rather than a silly one."""
    assert near("zzzzqqqq", NAMES) == ()
    assert near("x" * 10_000, ["x" * 9_999]) == ()
    assert near("anything", []) == ()


def test_best_first_and_at_most_n():
    """The nearest comes first, each once, and no more than asked for."""
    names = ["insert_all", "inserts", "insert", "remove"]
    assert near("insertt", [*names, *names]) == ("insert", "inserts", "insert_all")
    assert near("insertt", names, n=1) == ("insert",)


def test_long_candidates_cost_little():
    """Absurdly long candidates, as a corrupt binary has, take no noticeable time."""
    with ends():
        near("a" * 200, ["ab" * 50_000 + str(i) for i in range(60)])


def test_sixty_thousand_candidates():
    """Among a large program's symbols the right one is found."""
    rng = random.Random(1)
    names = ["".join(rng.choices(string.ascii_letters, k=rng.randint(5, 80))) for _ in range(60_000)]
    names[777] = "github.com/example/organisation/project/internal/store.cacheInsert"
    assert near("cacheInsrt", names)[0] == names[777]
