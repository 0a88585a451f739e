"""What the parser makes of the texts that it accepts."""

from __future__ import annotations

import pytest

from tracekit.core.aggregation import Count, Distribution, Moment, Scalar
from tracekit.core.buckets import Linear, Log2, LogLinear
from tracekit.core.expr import (
    Arg,
    Binary,
    Builtin,
    BuiltinName,
    Cast,
    Conditional,
    Deref,
    Float,
    Index,
    Int,
    Load,
    Member,
    Name,
    Reg,
    Str,
    String,
    Unary,
)
from tracekit.core.probe import (
    FunctionName,
    Interval,
    Profile,
    Side,
    Syscall,
    Uprobe,
    Uretprobe,
    Usdt,
)
from tracekit.core.program import Aggregate, Clause, Program
from tracekit.core.types import INT64, INT_TYPES, UINT64
from tracekit.errors import ProgramSyntaxError
from tracekit.syntax import (
    parse,
    parse_aggregates,
    parse_expression,
    parse_filter,
    parse_function,
    parse_keys,
)

A, B, C = Name("a"), Name("b"), Name("c")
PID, COMM = Builtin(BuiltinName.PID), Builtin(BuiltinName.COMM)
INT32, UINT32 = INT_TYPES["int32"], INT_TYPES["uint32"]


def test_readme_one_liner() -> None:
    """The one-liner of the README means one probe and one linear histogram."""
    assert parse("uprobe:./itest.test:cache_insert {@bytes=lhist(arg2, 0 , 16384, 128)}") == Program(
        Clause(
            Uprobe("./itest.test", FunctionName("cache_insert")),
            None,
            Aggregate("bytes", Distribution(Arg(2), Linear(0, 16384, 128))),
        )
    )


def test_bpftrace_one_liner_with_filter_and_keys() -> None:
    """A bpftrace one-liner with everything that a clause can have is read unchanged."""
    text = "uprobe:/lib/libc.so.6:malloc /pid == 12 && arg0 > 4K/ { @[comm, str(arg1, 64)] = hist(arg0); }"
    assert parse(text) == Program(
        Clause(
            Uprobe("/lib/libc.so.6", FunctionName("malloc")),
            Binary("&&", Binary("==", PID, Int(12)), Binary(">", Arg(0), Int(4096))),
            Aggregate("", Distribution(Arg(0), Log2()), (COMM, Str(Arg(1), 64))),
        )
    )


PROBES = {
    "uprobe:a:f": Uprobe("a", FunctionName("f")),
    "u:a:f": Uprobe("a", FunctionName("f")),
    "uretprobe:a:f": Uretprobe("a", FunctionName("f")),
    "ur:a:f": Uretprobe("a", FunctionName("f")),
    "u:a:f+16": Uprobe("a", FunctionName("f"), 16),
    "u:a:f+0x1F": Uprobe("a", FunctionName("f"), 31),
    'u:a:"f"+0x10': Uprobe("a", FunctionName("f", exact=True), 16),
    "u:a:0x1139": Uprobe("a", FunctionName("0x1139")),
    "u:a:mem*": Uprobe("a", FunctionName("mem*")),
    'u:a:"mem*"': Uprobe("a", FunctionName("mem*", exact=True)),
    r"u:a:mem\*": Uprobe("a", FunctionName("mem*", exact=True)),
    "u:./a-b/c.d+e~:f": Uprobe("./a-b/c.d+e~", FunctionName("f")),
    "u:/proc/12/root/x//y:f": Uprobe("/proc/12/root/x//y", FunctionName("f")),
    "u:/lib/*/x:f": Uprobe("/lib/*/x", FunctionName("f")),
    r"u:/tmp/a\ b\:c:f": Uprobe("/tmp/a b:c", FunctionName("f")),
    r'u:"/tmp/\"a\\ \xc3\xa9 \xff":f': Uprobe('/tmp/"a\\ é \udcff', FunctionName("f")),
    "u:/tmp/\udcff:f": Uprobe("/tmp/\udcff", FunctionName("f")),
    "u:/tmp/\udcc3\udca9:f": Uprobe("/tmp/é", FunctionName("f")),
    "U:./a:mysql:query": Usdt("./a", "mysql", "query"),
    "usdt:./a:my*:query": Usdt("./a", "my*", "query"),
    "syscall:read:entry": Syscall("read", Side.ENTRY),
    "syscall:read:return": Syscall("read", Side.RETURN),
    "tracepoint:syscalls:sys_enter_read": Syscall("read", Side.ENTRY),
    "t:syscalls:sys_exit_read": Syscall("read", Side.RETURN),
    "t:syscalls:sys_enter_*": Syscall("*", Side.ENTRY),
    "interval:s:1": Interval("s", 1),
    "i:ms:100": Interval("ms", 100),
    "profile:hz:99": Profile("hz", 99),
    "p:us:1_000": Profile("us", 1000),
}


@pytest.mark.parametrize("text", PROBES)
def test_probe(text: str) -> None:
    """Every type of probe, each with its short name, becomes its part of the model."""
    assert parse(f"{text} {{ @ = count() }}").clauses[0].probes == (PROBES[text],)


FUNCTIONS = {
    "main.(*T).M": FunctionName("main.(*T).M", exact=True),
    r"main.\(*T\).M": FunctionName("main.(*T).M"),
    "github.com/x/y/v2.(*Map[go.shape.int]).Get-fm": FunctionName(
        "github.com/x/y/v2.(*Map[go.shape.int]).Get-fm", exact=True
    ),
    "github.com/x/y.F*": FunctionName("github.com/x/y.F*"),
    "main.Map[...]": FunctionName("main.Map[...]"),
    "ns::f": FunctionName("ns::f"),
    "cpp:ns::f*": FunctionName("ns::f*"),
    'cpp:"ns::f"': FunctionName("ns::f", exact=True),
    "cpp::f": FunctionName("cpp::f"),
    "ns::f(int, char const&)": FunctionName("ns::f(int, char const&)"),
    "std::map<int, std::vector<int> >::at(int const&)": FunctionName(
        "std::map<int, std::vector<int> >::at(int const&)"
    ),
    "(anonymous namespace)::f(int)": FunctionName("(anonymous namespace)::f(int)"),
    "A::operator()(int)": FunctionName("A::operator()(int)"),
    "A::operator->": FunctionName("A::operator->"),
    "A::operator==(A, A)": FunctionName("A::operator==(A, A)"),
    "A::~A()": FunctionName("A::~A()"),
    "f()::{lambda(int)#1}::operator()": FunctionName("f()::{lambda(int)#1}::operator()"),
    "<a::B as c::D<u8>>::f": FunctionName("<a::B as c::D<u8>>::f"),
    "<fn(i32) -> i32 as F>::call": FunctionName("<fn(i32) -> i32 as F>::call"),
    "x::main::{{closure}}": FunctionName("x::main::{{closure}}"),
    "x::main::{closure#0}": FunctionName("x::main::{closure#0}"),
    "-[NSString length:foo:]": FunctionName("-[NSString length:foo:]"),
    "f@plt": FunctionName("f@plt"),
    r"f\+5": FunctionName("f+5"),
    r"a\x20b": FunctionName("a b"),
}


@pytest.mark.parametrize("space", [" ", "\n", "", ", u:b:g "])
@pytest.mark.parametrize("text", FUNCTIONS)
def test_function_names_without_quotes(text: str, space: str) -> None:
    """Names of Go, C++, Rust and Objective-C need no quotes, whatever stands after them."""
    assert parse(f"u:a:{text}{space}{{ @ = count() }}").clauses[0].probes[0] == Uprobe("a", FUNCTIONS[text])


@pytest.mark.parametrize("text", FUNCTIONS)
def test_function_name_alone(text: str) -> None:
    """A function's name means the same alone, where a command line has it as a word."""
    assert parse_function(text) == (FUNCTIONS[text], 0)
    assert parse_function(f"{text}+0x10") == (FUNCTIONS[text], 16)


@pytest.mark.parametrize("comma", [",", ", ", ",\n", "\n,\n", " , // and\n"])
def test_probes_of_a_clause(comma: str) -> None:
    """Commas separate the probes of a clause, with spaces, lines and comments round them."""
    clause = parse(f"u:a:f{comma}ur:b:g {{ @ = count() }}").clauses[0]
    assert clause.probes == (Uprobe("a", FunctionName("f")), Uretprobe("b", FunctionName("g")))


FILTERS = {
    "/arg0 / 2 > 5/ {": Binary(">", Binary("/", Arg(0), Int(2)), Int(5)),
    "/arg0/2>5/{": Binary(">", Binary("/", Arg(0), Int(2)), Int(5)),
    "/a/b/c/ {": Binary("/", Binary("/", A, B), C),
    "/ a / b / {": Binary("/", A, B),
    "/a / (b / c)/ {": Binary("/", A, Binary("/", B, C)),
    "/a / -b/ {": Binary("/", A, Unary("-", B)),
    "/a / *b/ {": Binary("/", A, Deref(B)),
    "/a/\n// over\n/* all */ {": A,
    '/comm == "/ {"/ {': Binary("==", COMM, String("/ {")),
    "/ *a / b / {": Binary("/", Deref(A), B),
}


@pytest.mark.parametrize("text", FILTERS)
def test_division_inside_a_filter(text: str) -> None:
    """A slash divides where an operand follows, and ends the filter where none does."""
    assert parse(f"u:a:f {text} @ = count() }}").clauses[0].where == FILTERS[text]


EXPRESSIONS = {
    # literals
    "42": Int(42),
    "0x2A": Int(42),
    "0xff_ff": Int(65535),
    "1_000_000": Int(1_000_000),
    "1e6": Int(1_000_000),
    "4K": Int(4096),
    "4M": Int(4 << 20),
    "4G": Int(4 << 30),
    "1KiB": Int(1024),
    "1MiB": Int(1 << 20),
    "1GiB": Int(1 << 30),
    "1KB": Int(1000),
    "1MB": Int(1_000_000),
    "1.5": Float(64, Int(0x3FF8000000000000)),
    "0.0": Float(64, Int(0)),
    "-0.25": Unary("-", Float(64, Int(0x3FD0000000000000))),
    "1GB": Int(1_000_000_000),
    "18446744073709551615": Int(UINT64.maximum),
    "-9223372036854775808": Int(INT64.minimum),
    "-1": Int(-1),
    "-(1)": Unary("-", Int(1)),
    "- -1": Unary("-", Int(-1)),
    "-1[a]": Unary("-", Index(Int(1), A)),
    r'"a\"\\\n\t\r\x41\xc3\xa9\xff"': String('a"\\\n\t\rAé\udcff'),
    # operands
    "arg0": Arg(0),
    "arg10": Arg(10),
    "arg01": Name("arg01"),
    'reg("rdx")': Reg("rdx"),
    "retval": Builtin(BuiltinName.RETVAL),
    "elapsed": Builtin(BuiltinName.ELAPSED),
    "ustack": Builtin(BuiltinName.USTACK),
    "func": Builtin(BuiltinName.FUNC),
    "tid": Builtin(BuiltinName.TID),
    "cpu": Builtin(BuiltinName.CPU),
    "größe": Name("größe"),
    "args.value": Name("value"),
    "args->value.len": Member(Name("value"), "len"),
    "args.pid": Name("pid"),
    'args."~r0"': Name("~r0"),
    "args": Name("args"),
    "value.len": Member(Name("value"), "len"),
    "req->hdr.len": Member(Member(Name("req"), "hdr", arrow=True), "len"),
    "buf[3]": Index(Name("buf"), Int(3)),
    "*p": Deref(Name("p")),
    "*p.x": Deref(Member(Name("p"), "x")),
    "(*p).x": Member(Deref(Name("p")), "x"),
    "str(a)": Str(A),
    "str(a + 1, 4 * 16)": Str(Binary("+", A, Int(1)), 64),
    # casts and loads
    "(int32)a": Cast(INT32, A),
    "(int32)a + b": Binary("+", Cast(INT32, A), B),
    "(int32)a.b": Cast(INT32, Member(A, "b")),
    "(int32)-1": Cast(INT32, Int(-1)),
    "(a) - 1": Binary("-", A, Int(1)),
    "*(uint32*)a": Load(UINT32, A),
    "*(uint32 *)(a+8)": Load(UINT32, Binary("+", A, Int(8))),
    "*(uint32*)*(uint64*)a": Load(UINT32, Load(UINT64, A)),
    "*(uint32)a": Deref(Cast(UINT32, A)),
    "*(uint32*)a * b": Binary("*", Load(UINT32, A), B),
    "a * (b)": Binary("*", A, B),
    "(a * b)": Binary("*", A, B),
    # precedence and associativity, as C and bpftrace have them
    "a - b - c": Binary("-", Binary("-", A, B), C),
    "a - (b - c)": Binary("-", A, Binary("-", B, C)),
    "a + b * c": Binary("+", A, Binary("*", B, C)),
    "a << b + c": Binary("<<", A, Binary("+", B, C)),
    "a < b << c": Binary("<", A, Binary("<<", B, C)),
    "a == b < c": Binary("==", A, Binary("<", B, C)),
    "a & b == c": Binary("&", A, Binary("==", B, C)),
    "a ^ b & c": Binary("^", A, Binary("&", B, C)),
    "a | b ^ c": Binary("|", A, Binary("^", B, C)),
    "a && b | c": Binary("&&", A, Binary("|", B, C)),
    "a || b && c": Binary("||", A, Binary("&&", B, C)),
    "a < b < c": Binary("<", Binary("<", A, B), C),
    "!a == b": Binary("==", Unary("!", A), B),
    "~a.b": Unary("~", Member(A, "b")),
    "a - -b": Binary("-", A, Unary("-", B)),
    "a ? b : c ? a : b": Conditional(A, B, Conditional(C, A, B)),
    "a ? b ? a : b : c": Conditional(A, Conditional(B, A, B), C),
    "a || b ? a : b || c": Conditional(Binary("||", A, B), A, Binary("||", B, C)),
    "(a ? b : c) + 1": Binary("+", Conditional(A, B, C), Int(1)),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expression(text: str) -> None:
    """Literals, operands and operators have C's meaning and precedence."""
    assert parse_expression(text) == EXPRESSIONS[text]


CASTS = {
    **{name: name for name in INT_TYPES},
    **{f"{name}_t": name for name in INT_TYPES},
    "char": "int8",
    "signed char": "int8",
    "unsigned char": "uint8",
    "short": "int16",
    "short int": "int16",
    "unsigned short int": "uint16",
    "int": "int32",
    "signed": "int32",
    "unsigned": "uint32",
    "unsigned int": "uint32",
    "int unsigned": "uint32",
    "long": "int64",
    "unsigned  long": "uint64",
    "long int": "int64",
    "long long": "int64",
    "unsigned long long int": "uint64",
    "size_t": "uint64",
    "ssize_t": "int64",
    "uintptr_t": "uint64",
    "intptr_t": "int64",
    "ptrdiff_t": "int64",
    "uchar_t": "uint8",
    "ushort_t": "uint16",
    "uint_t": "uint32",
    "ulong_t": "uint64",
    "longlong_t": "int64",
    "u_longlong_t": "uint64",
}


@pytest.mark.parametrize("name", CASTS)
def test_types_of_casts_and_loads(name: str) -> None:
    """The integer types of C, D and bpftrace are those of 64-bit Unix."""
    assert parse_expression(f"({name})a") == Cast(INT_TYPES[CASTS[name]], A)
    assert parse_expression(f"*( {name} * )a") == Load(INT_TYPES[CASTS[name]], A)


AGGREGATIONS = {
    "count()": Count(),
    "sum(a)": Scalar(Moment.SUM, A),
    "min(a)": Scalar(Moment.MIN, A),
    "max(a)": Scalar(Moment.MAX, A),
    "avg(a)": Scalar(Moment.AVG, A),
    "stats(a)": Scalar(Moment.STATS, A),
    "hist(a)": Distribution(A, Log2()),
    "quantize(a)": Distribution(A, Log2()),
    "hist(a, 3)": Distribution(A, Log2(3)),
    "lhist(a, 0, 16K, 1 << 7)": Distribution(A, Linear(0, 16384, 128)),
    "lhist(a, -(100), 10 * 10, 20 / 2)": Distribution(A, Linear(-100, 100, 10)),
    "lquantize(a, -10, 10)": Distribution(A, Linear(-10, 10, 1)),
    "lquantize(a, 0, 10, 2)": Distribution(A, Linear(0, 10, 2)),
    "llquantize(a, 10, 0, 6, 20)": Distribution(A, LogLinear(10, 0, 6, 20)),
}


@pytest.mark.parametrize("text", AGGREGATIONS)
def test_aggregation(text: str) -> None:
    """Every aggregation, in bpftrace's words and in dtrace's, becomes its part of the model."""
    assert parse_aggregates(text) == (Aggregate("", AGGREGATIONS[text]),)


def test_aggregates_with_and_without_maps() -> None:
    """The short form takes functions alone and maps with keys, separated by semicolons."""
    assert parse_aggregates("@bytes[pid] = hist(a); @n = count(); max(a);") == (
        Aggregate("bytes", Distribution(A, Log2()), (PID,)),
        Aggregate("n", Count()),
        Aggregate("", Scalar(Moment.MAX, A)),
    )


def test_filter_and_keys_of_the_short_form() -> None:
    """A filter is read without slashes, keys without brackets; a slash then always divides."""
    assert parse_filter("pid == 12 && a / b") == Binary("&&", Binary("==", PID, Int(12)), Binary("/", A, B))
    assert parse_keys("comm, str(a, 64)") == (COMM, Str(A, 64))


def test_comments_lines_and_semicolons() -> None:
    """Comments, empty lines, a shebang and stray semicolons change nothing."""
    text = """#!/usr/bin/env -S tracekit trace
    // the first clause
    u:a:f /* its filter */ /a /* is b */ == b/ // its body
    {;
        @x = count();; /* with { braces } */
        @y[pid] = sum(a) // no semicolon
    }
    u:a:g{@x=count()}u:a:h{@x=count()}
    """
    assert parse(text) == parse(
        "u:a:f /a == b/ { @x = count(); @y[pid] = sum(a) } u:a:g { @x = count() } u:a:h { @x = count() }"
    )


def test_windows_line_ends() -> None:
    """Lines may end as they do on Windows."""
    assert parse("u:a:f,\r\nu:a:g\r\n{\r\n@ = count();\r\n}\r\n") == parse("u:a:f, u:a:g { @ = count() }")


@pytest.mark.parametrize(
    ("reader", "text"),
    [(parse, "x"), (parse_aggregates, "x"), (parse_filter, "+"), (parse_keys, "+"), (parse_expression, "+")],
)
def test_origin_is_shown(reader, text) -> None:
    """An error begins with the name of the file that the text came from."""
    with pytest.raises(ProgramSyntaxError) as caught:
        reader(text, "job.tk")
    assert str(caught.value).startswith("job.tk:1:1: ")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("s.size()", "len(s)"),
        ("s.length()", "len(s)"),
        ("req->names.len()", "len(req->names)"),
        ("v->size()", "len(*v)"),
        ("v.capacity()", "cap(v)"),
    ],
)
def test_what_languages_call_a_length(text: str, same: str) -> None:
    """C++'s and Rust's methods mean len() and cap(); a pointer to a container is followed."""
    assert parse_expression(text) == parse_expression(same)
