/** Reads lists that come in pages. */
import type { Page, PageRequest } from '../registry/admin/operations.ts';

/** Entries asked for at a time: the most that a server gives. */
const PAGE_SIZE = 1000;

/** All entries of a list. */
export async function readAll<Item>(
  read: (page: PageRequest) => Promise<Page<Item>>,
): Promise<Item[]> {
  const items: Item[] = [];
  let last: string | undefined;
  for (;;) {
    const page = await read({ limit: PAGE_SIZE, last });
    items.push(...page.items);
    if (page.next === null) return items;
    last = page.next;
  }
}
