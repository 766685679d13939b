/** Adds up what the rounds of a job have done, although the job remembers only the last one. */

/** What a round counts; the object of a running round is kept up to date by its owner. */
interface Round {
  readonly finished?: number;
}

/** The sum of the rounds. */
export interface Tally<Field extends string> {
  /** Rounds that have ended. */
  readonly rounds: number;
  readonly sums: Readonly<Record<Field, number>>;
}

/**
 * Makes a function that looks at the rounds and tells the sum so far, the running round included.
 * A round that begins and ends between two looks while another one follows is missed, so somebody
 * has to look more often than rounds follow each other; a scrape of the metrics does.
 * @param read - the running or last round
 * @param counts - which rounds are added up
 */
export function createTally<
  Field extends string,
  R extends Round & Readonly<Record<Field, number>>,
>(
  read: () => R | undefined,
  { fields, counts }: { readonly fields: readonly Field[]; readonly counts: (round: R) => boolean },
): () => Tally<Field> {
  let seen: R | undefined;
  let ended = 0;
  const before = new Map<Field, number>(fields.map((field) => [field, 0]));

  const amount = (field: Field): number => (seen !== undefined && counts(seen) ? seen[field] : 0);

  return () => {
    const now = read();
    if (now !== seen) {
      // The object of the round before still holds what it came to in the end.
      for (const field of fields) before.set(field, before.get(field)! + amount(field));
      if (seen !== undefined && counts(seen)) ended++;
      seen = now;
    }
    const over = seen !== undefined && seen.finished !== undefined && counts(seen) ? 1 : 0;
    const sums = Object.fromEntries(
      fields.map((field) => [field, before.get(field)! + amount(field)]),
    ) as Record<Field, number>;
    return { rounds: ended + over, sums };
  };
}
