/** Work on several items at a time, with the results in the order of the items. */

/**
 * Works on items as they come.
 * @param width - how many at a time; so many results are held at most
 * @param work - its signal is aborted when nobody wants the results any more
 */
export async function* inOrder<A, B>(
  items: AsyncIterable<A>,
  width: number,
  work: (item: A, signal: AbortSignal) => Promise<B>,
  signal: AbortSignal,
): AsyncGenerator<B, void, void> {
  const end = new AbortController();
  const both = AbortSignal.any([signal, end.signal]);
  const iterator = items[Symbol.asyncIterator]();
  const running: Promise<B>[] = [];
  let isOver = false;
  try {
    for (;;) {
      while (!isOver && running.length < width) {
        const next = await iterator.next();
        if (next.done === true) {
          isOver = true;
          break;
        }
        const result = work(next.value, both);
        // Its error is thrown when its turn comes; until then somebody has to have seen it.
        result.catch(() => {});
        running.push(result);
      }
      const first = running.shift();
      if (first === undefined) return;
      yield await first;
    }
  } finally {
    end.abort(new DOMException('nobody waits for it', 'AbortError'));
    await Promise.allSettled([...running, iterator.return?.()]);
  }
}
