"""Who computes which trials: this process, the cores of this machine, or a Dask cluster; always in the same order."""

from collections.abc import Callable, Generator, Iterator
from itertools import takewhile
from threading import Event
from time import monotonic
from typing import Any

from numpy.typing import NDArray

# The first figures are there at once with any design; of 500 to 4,000 trials, 2,000 at once were the fastest.
FIRST_CHUNK, LARGEST_CHUNK, INSTANT_SECONDS, BLINK_SECONDS = 25, 2000, 0.005, 0.05
SPREAD_SECONDS, MOST_AT_ONCE = 0.5, 20_000  # work worth sending to another process, and no more trials than this

Piece = dict[str, NDArray[Any]]  # one array per result, the trials along its first axis
Work = Callable[[int, int], Piece]  # trials from this number on, so many; picklable
Ranges = list[tuple[int, int]]


def pieces(
    work: Work, trials: int, chunk: int | None, first: int, workers: int, client: Any, halt: Event
) -> Generator[Piece, None, None]:
    """Compute all trials piece by piece and hand out the pieces in the order of the trials.

    The first piece is always computed here: it is there at once, and its pace says how much to send elsewhere.

    Parameters
    ----------
    work : callable
    trials : int
    chunk : int, optional
        Trials in a piece; chosen by the pace when left out.
    first : int
        Trials in the first piece when `chunk` is left out.
    workers : int
        Processes of this machine, -1 for one per core; 1 computes here.
    client : distributed.Client, optional
        A Dask cluster to compute on instead.
    halt : threading.Event
        Set it and no further piece is begun.
    """
    if client is None and workers == 1:
        yield from _here(work, trials, chunk, first, halt)
        return
    began, size = monotonic(), min(trials, chunk or first)
    yield work(0, size)
    fitting = int(size * SPREAD_SECONDS / max(monotonic() - began, 1e-6))
    step = chunk or max(1, min(fitting, MOST_AT_ONCE))
    ranges = [(begin, min(step, trials - begin)) for begin in range(size, trials, step)]
    on = _on_cores(work, ranges, workers, halt) if client is None else _on_cluster(work, ranges, client, halt)
    yield from on


def _here(work: Work, trials: int, chunk: int | None, first: int, halt: Event) -> Iterator[Piece]:
    done, size = 0, chunk or first
    while done < trials and not halt.is_set():
        began, count = monotonic(), min(size, trials - done)
        piece, done = work(done, count), done + count
        if chunk is None and (took := monotonic() - began) < BLINK_SECONDS:
            size = LARGEST_CHUNK if took < INSTANT_SECONDS else min(2 * size, LARGEST_CHUNK)
        yield piece


def _on_cores(work: Work, ranges: Ranges, workers: int, halt: Event) -> Iterator[Piece]:
    from joblib import Parallel, delayed

    run = Parallel(n_jobs=workers, return_as="generator", batch_size=1, pre_dispatch="1.5*n_jobs")
    yield from run(delayed(work)(*part) for part in takewhile(lambda _part: not halt.is_set(), ranges))


def _on_cluster(work: Work, ranges: Ranges, client: Any, halt: Event) -> Iterator[Piece]:
    """Hold every task until its result is here: what a lost worker computed is computed again."""
    waiting = [client.submit(work, *part, pure=False) for part in ranges]
    try:
        while waiting and not halt.is_set():
            yield waiting[0].result()
            waiting.pop(0)
    finally:
        client.cancel(waiting)
