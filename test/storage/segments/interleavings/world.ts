/**
 * Carries out a schedule on a segment store and holds it against a plain list of recipes: each names
 * groups, which have to be there as long as it is, and only then.
 */
import { createMemoryEngine } from '../../../../src/storage/kv/memory.ts';
import { openKeyValueStore } from '../../../../src/storage/kv/store.ts';
import type { KeyValueStore } from '../../../../src/storage/kv/types.ts';
import { type Changes, change } from '../../../../src/storage/metadata/changes.ts';
import { GroupMissingError } from '../../../../src/storage/segments/errors.ts';
import { openSegmentStore, type SegmentStore } from '../../../../src/storage/segments/store.ts';
import type { Group, NewGroup, Placement } from '../../../../src/storage/segments/types.ts';
import {
  createMemoryFiles,
  createMemoryTarget,
  losePower,
} from '../../../../src/storage/target/memory.ts';
import { gateTarget } from '../../interleavings/disk.ts';
import { createGates, type Gates, settle } from '../../interleavings/gates.ts';
import { findContradictions } from '../support/consistency.ts';
import { bytesOf } from '../support/places.ts';
import { type Act, MAX_AGE, SEGMENT, type Step } from './schedule.ts';

/** A promise was broken. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** What is known of a recipe: in doubt while a transaction about it is under way. */
type State = 'entering' | 'there' | 'leaving' | 'gone';

interface Recipe {
  readonly key: string;
  readonly placements: readonly Placement[];
  readonly groups: readonly NewGroup[];
  state: State;
}

/** Turns in which everything must have ended once nothing is held back. */
const PATIENCE = 300;

/** A segment store, the disk below it, and who works with it. */
export function createWorld() {
  const engine = createMemoryEngine();
  const files = createMemoryFiles();
  const recipes: Recipe[] = [];
  const problems: unknown[] = [];
  let now = 1_000_000;
  let seed = 0;
  let gates: Gates;
  let kv: KeyValueStore;
  let store: SegmentStore;
  /** Operations under way; of a process that has died none ever ends. */
  let live = { count: 0 };
  let faults = 0;

  async function boot(): Promise<void> {
    live = { count: 0 };
    faults = 0;
    const own = createGates();
    gates = own;
    gates.isOpen = true;
    kv = openKeyValueStore({
      ...engine,
      commit: (batch) => own.pass('commit', () => engine.commit(batch)),
    });
    store = await openSegmentStore(
      {
        kv,
        openTarget: async (allocate) =>
          gateTarget(createMemoryTarget({ files, allocate: () => allocate(1) }), own),
      },
      {
        clock: () => now,
        segmentSize: SEGMENT,
        maxWriters: 2,
        rules: { maxAge: MAX_AGE },
      },
    );
    gates.isOpen = false;
    // What was in doubt when the process died is known now: all of a recipe, or nothing.
    for (const recipe of recipes) {
      const isThere = kv.has(recipe.key);
      if (recipe.state === 'there' && !isThere) throw new Violation(`${recipe.key} is lost`);
      if (recipe.state === 'gone' && isThere) throw new Violation(`${recipe.key} is back`);
      recipe.state = isThere ? 'there' : 'gone';
    }
  }

  /** Runs a transaction about recipes; what it says about them holds once it is durable. */
  async function transact(
    work: (changes: Changes) => void,
    entering: readonly Recipe[],
    leaving: readonly Recipe[],
  ): Promise<boolean> {
    for (const recipe of entering) recipe.state = 'entering';
    for (const recipe of leaving) recipe.state = 'leaving';
    try {
      await change(kv, work);
    } catch (error) {
      if (faults === 0) throw error;
      for (const recipe of entering) recipe.state = 'gone';
      for (const recipe of leaving) recipe.state = 'there';
      return false;
    }
    for (const recipe of entering) recipe.state = 'there';
    for (const recipe of leaving) recipe.state = 'gone';
    return true;
  }

  function pickThere(pick: number): Recipe | undefined {
    const there = recipes.filter(({ state }) => state === 'there');
    return there[pick % there.length];
  }

  async function storeRecipe(act: Act & { act: 'store' }): Promise<void> {
    const groups = act.lengths.map((length): NewGroup => {
      seed++;
      return { kind: seed % 256, bytes: bytesOf(seed, length) };
    });
    const writer = await store.begin();
    try {
      const placements: Placement[] = [];
      const size = Math.ceil(groups.length / act.calls);
      for (let i = 0; i < groups.length; i += size) {
        placements.push(...(await writer.append(groups.slice(i, i + size))));
        await writer.sync();
      }
      if (act.givesUp) return;
      const key = `test ${placements[0]!.id}`;
      const recipe: Recipe = { key, placements, groups, state: 'entering' };
      const old = act.replaces === null ? undefined : pickThere(act.replaces);
      recipes.push(recipe);
      await transact(
        (changes) => {
          store.addGroups(changes, placements);
          changes.mark(key);
          if (old !== undefined) removeRecipe(changes, old);
        },
        [recipe],
        old === undefined ? [] : [old],
      );
    } catch (error) {
      if (faults === 0) throw error;
    } finally {
      await writer.close();
    }
  }

  function removeRecipe(changes: Changes, { key, placements }: Recipe): void {
    changes.tx.remove(key);
    store.releaseGroups(
      changes,
      placements.map(({ id }) => id),
    );
  }

  /** Compares groups with what was stored. */
  function expectGroup({ key, placements, groups }: Recipe, i: number, found: Group): void {
    const { kind, bytes } = groups[i]!;
    const isRight = found.kind === kind && Buffer.from(bytes).equals(found.bytes);
    if (!isRight) throw new Violation(`group ${placements[i]!.id} of ${key} is wrong`);
  }

  async function readRecipe(recipe: Recipe | undefined, inOneGo: boolean): Promise<void> {
    if (recipe === undefined) return;
    const was = recipe.state;
    const ids = recipe.placements.map(({ id }) => id);
    let i = 0;
    try {
      if (inOneGo) for await (const group of store.readMany(ids)) expectGroup(recipe, i++, group);
      else for (; i < ids.length; i++) expectGroup(recipe, i, await store.read(ids[i]!));
      if (was === 'gone') throw new Violation(`${recipe.key} can be read`);
    } catch (error) {
      if (error instanceof Violation) throw error;
      if (error instanceof GroupMissingError) {
        // Reads show at once that something is leaving, even if that fails then.
        const mayMiss = was !== 'there' || recipe.state !== 'there' || faults > 0;
        if (mayMiss) return;
        throw new Violation(`group ${ids[i]} of ${recipe.key} is missing`);
      }
      if (faults === 0) throw error;
    }
  }

  async function perform(act: Act): Promise<void> {
    switch (act.act) {
      case 'store':
        return await storeRecipe(act);
      case 'remove': {
        const recipe = pickThere(act.pick);
        if (recipe === undefined) return;
        await transact((changes) => removeRecipe(changes, recipe), [], [recipe]);
        return;
      }
      case 'read':
        return await readRecipe(recipes[act.pick % recipes.length], false);
      case 'read-all':
        return await readRecipe(recipes.at(-1 - act.pick), true);
      case 'compact':
      case 'scrub':
        try {
          if (act.act === 'compact') await store.compact();
          else await store.scrub(() => Number.MAX_SAFE_INTEGER);
        } catch (error) {
          if (faults === 0) throw error;
        }
    }
  }

  function start(act: Act): void {
    now++;
    const own = live;
    own.count++;
    perform(act)
      .catch((error: unknown) => problems.push(error))
      .finally(() => own.count--);
  }

  function check(): void {
    if (problems.length > 0) throw problems[0];
    const contradictions = findContradictions(engine);
    if (contradictions.length > 0) throw new Violation(contradictions.join('; '));
    for (const { id, reason } of store.damaged()) throw new Violation(`group ${id}: ${reason}`);
  }

  /** Lets everything come to its end. */
  async function finish(): Promise<void> {
    gates.isOpen = true;
    for (let turn = 0; live.count > 0 && turn < PATIENCE; turn++) await settle();
    if (live.count > 0) throw new Violation(`${live.count} operations do not end`);
    check();
  }

  async function restart(): Promise<void> {
    await finish();
    await store.close();
    await kv.close();
    await boot();
  }

  async function crash(power: boolean, pick: number | null): Promise<void> {
    gates.kill(pick ?? undefined);
    await settle();
    if (power) losePower(files);
    await boot();
  }

  return {
    boot,
    get waiting(): readonly string[] {
      return gates.waiting;
    },
    async step(one: Step): Promise<void> {
      switch (one.act) {
        case 'release':
          gates.release(one.pick);
          break;
        case 'fail': {
          const { waiting } = gates;
          // A read that fails is damage, by decision; tested elsewhere.
          if (waiting.length === 0 || waiting[one.pick % waiting.length] === 'read') break;
          faults++;
          gates.fail(one.pick);
          break;
        }
        case 'advance':
          now += one.by;
          break;
        case 'restart':
          await restart();
          break;
        case 'crash':
          await crash(one.power, one.pick);
          break;
        default:
          start(one);
      }
      await settle();
      check();
    },
    /** Nothing that is there is lost, and nothing else takes space once compaction has had its time. */
    async end(): Promise<void> {
      await restart();
      gates.isOpen = true;
      now += MAX_AGE;
      await store.compact();
      check();
      for (const recipe of recipes) {
        await readRecipe(recipe, true);
        await readRecipe(recipe, false);
      }
      const there = recipes.filter(({ state }) => state === 'there');
      const { groups, live: alive, dead, segments } = store.figures();
      if (groups !== there.flatMap(({ groups: own }) => own).length) {
        throw new Violation(`${groups} groups are left`);
      }
      if (dead > 0) throw new Violation(`${dead} dead bytes are left`);
      const filled = [...files.written.values()].filter(({ length }) => length > 0);
      const bytes = filled.reduce((sum, { length }) => sum + length, 0);
      if (bytes !== alive + segments * 32 || filled.length !== segments) {
        throw new Violation(`${bytes} bytes in ${filled.length} files for ${alive} alive`);
      }
      await store.close();
      await kv.close();
    },
  };
}
