"""Files that were changed at random: never a traceback, never a wrong row, never code that is run.

The part of tests/ that is run for minutes by hand is __main__; test_fuzz.py runs a little of it.
"""
