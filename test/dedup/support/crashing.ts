/** A place in memory whose process can be stopped at any step: a write, a sync, a commit. */
import type { KeyValueEngine } from '../../../src/storage/kv/types.ts';
import type { FileWriter, Target } from '../../../src/storage/target/types.ts';
import { memoryPlace } from '../../storage/segments/support/places.ts';

/** Nothing goes on behind it. */
const NEVER = new Promise<never>(() => undefined);

/** Counts the steps of one process, and stops it at one of them. */
export class Steps {
  /** Steps so far. */
  count = 0;
  readonly #last: number;
  readonly #died = Promise.withResolvers<void>();

  /** @param last - the step that is begun and never done */
  constructor(last: number) {
    this.#last = last;
  }

  /** Resolves when the process has died. */
  get died(): Promise<void> {
    return this.#died.promise;
  }

  /** Takes a step, or dies. */
  async take(): Promise<void> {
    this.count++;
    if (this.count < this.#last) return;
    this.#died.resolve();
    await NEVER;
  }
}

function wrapWriter(writer: FileWriter, steps: Steps): FileWriter {
  return {
    id: writer.id,
    async write(chunks, position) {
      await steps.take();
      await writer.write(chunks, position);
    },
    async sync() {
      await steps.take();
      await writer.sync();
    },
    close: () => writer.close(),
  };
}

function wrapTarget(target: Target, steps: Steps): Target {
  return {
    ...target,
    create: async () => wrapWriter(await target.create(), steps),
    reopen: async (id, size) => wrapWriter(await target.reopen(id, size), steps),
    async remove(id) {
      await steps.take();
      await target.remove(id);
    },
  };
}

/** A place, and the steps of the process that uses it now. */
export function crashingPlace() {
  const current = { steps: new Steps(Number.POSITIVE_INFINITY) };
  const place = memoryPlace({
    engine(engine: KeyValueEngine) {
      const { steps } = current;
      return {
        ...engine,
        async commit(batch) {
          await steps.take();
          await engine.commit(batch);
          // Durable, and nobody has heard of it.
          await steps.take();
        },
      };
    },
    target: (target) => wrapTarget(target, current.steps),
  });
  return {
    place,
    /** Begins a new process. @param last - the step at which it stops */
    begin(last = Number.POSITIVE_INFINITY): Steps {
      current.steps = new Steps(last);
      return current.steps;
    },
  };
}
