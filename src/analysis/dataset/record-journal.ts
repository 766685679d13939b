/** The journals of a dataset: all records are read when one is opened, and new ones are not waited for. */
import { openJournal } from '../journal.ts';
import { DatasetError } from './errors.ts';

/** A journal of records that is open. */
export interface RecordJournal<T> {
  append(record: T): void;
  /** Resolves when all that was appended is durable. @throws JournalError when some of it could not be written */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a journal, which is made if there is none, and gives what is in it, from the oldest on.
 * @throws DatasetError for a whole line that is no record: nothing of ours has written it
 * @throws JournalError
 */
export async function openRecordJournal<T extends object>(
  path: string,
  each: (record: T) => void,
): Promise<RecordJournal<T>> {
  const journal = await openJournal(path, (value) =>
    typeof value === 'object' && value !== null ? (value as T) : undefined,
  );
  try {
    for await (const record of journal.entries()) each(record);
    if (journal.ignored > 0) {
      throw new DatasetError(
        `${path} is damaged (lines that are no records: ${journal.ignored}); begin again in an empty folder`,
      );
    }
  } catch (error) {
    await journal.close();
    throw error;
  }
  // Appends go to the disk in their order, and after one that fails all others do: the last one tells of all.
  let last = Promise.resolve();
  return {
    append(record) {
      last = journal.append(record);
      last.catch(() => {});
    },
    flush: () => last,
    close: () => journal.close(),
  };
}
