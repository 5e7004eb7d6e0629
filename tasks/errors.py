"""The error that a user sees."""


class AuditError(Exception):
    """Something that the user can mend; its text says what, expected, got and what to do next.

    The command line prints the text alone and ends with status 1.
    """
