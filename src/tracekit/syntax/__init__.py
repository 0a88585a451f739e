"""The language: from text to the model of ``core``, and back."""

from typing import TYPE_CHECKING

from tracekit.ondemand import on_demand

if TYPE_CHECKING:
    from tracekit.syntax.parser import (
        parse,
        parse_aggregates,
        parse_expression,
        parse_filter,
        parse_function,
        parse_keys,
    )
    from tracekit.syntax.printer import (
        function_name,
        print_aggregate,
        print_aggregation,
        print_clause,
        print_expression,
        print_probe,
        print_program,
    )
else:
    __getattr__ = on_demand(
        __name__,
        {
            "parser": "parse parse_aggregates parse_expression parse_filter parse_function parse_keys",
            "printer": "function_name print_aggregate print_aggregation print_clause print_expression "
            "print_probe print_program",
        },
    )

__all__ = [
    "function_name",
    "parse",
    "parse_aggregates",
    "parse_expression",
    "parse_filter",
    "parse_function",
    "parse_keys",
    "print_aggregate",
    "print_aggregation",
    "print_clause",
    "print_expression",
    "print_probe",
    "print_program",
]
