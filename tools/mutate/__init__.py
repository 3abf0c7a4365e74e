"""Mutation testing: change the code of a package in small ways and see whether its tests notice.

Why a runner of our own: cosmic-ray starts pytest once per mutant (4.6 s each, measured on g3-escape, half an hour for
that small package alone), and mutmut leaves module-level code, class bodies and decorated functions alone, which is
where a protocol package keeps its tables, limits and properties. This one forks a process that has already imported
and collected the tests, swaps the code of one function in it and runs only the tests that reach the changed line.
"""
