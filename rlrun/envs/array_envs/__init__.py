"""Array versions of environments: all copies stepped together by array operations.

Each gives the same numbers as Gymnasium's environment, bit for bit: its arithmetic is Gymnasium's
own, in the same order and in the same types. One file holds one environment; `registry` lists them
by id.

Imports core.
"""
