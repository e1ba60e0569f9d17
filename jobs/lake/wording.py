"""What escapes Spark, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

from jobs.errors import MatinsError, RetryableError


@contextmanager
def spark_errors() -> Iterator[None]:
    """A JVM that is gone, a full disk, a file that is missing, or the first line of Spark's message.

    Raises:
        RetryableError: trying again may cure it.
        DataError: it would not.
    """
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    try:
        yield
    except MatinsError:
        raise
    except (Py4JNetworkError, ConnectionError, EOFError) as error:
        msg = f"Spark's process is gone ({type(error).__name__}); nothing half-written was kept. Run again; if it repeats, give it more memory in spark_conf/."
        raise RetryableError(msg) from error
    except (PySparkException, Py4JError) as error:
        from jobs.lake.delta import in_words

        raise in_words(error, "Spark") from error
