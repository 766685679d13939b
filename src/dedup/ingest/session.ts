/** The store's side of an ingest: finds parts, writes groups and enters sections. */

import type { KeyValueStore } from '../../storage/kv/types.ts';
import { keys } from '../../storage/metadata/keys.ts';
import { decode, type GroupRecord } from '../../storage/metadata/records.ts';
import { startPace } from '../../storage/pace.ts';
import { GroupDamagedError, GroupMissingError } from '../../storage/segments/errors.ts';
import { type GroupId, MAX_GROUP, type Placement } from '../../storage/segments/types.ts';
import type { SegmentWriter } from '../../storage/segments/writer.ts';
import { findPart } from '../catalog/part-index.ts';
import { BaseGoneError, enterSection, type FreshBase } from '../catalog/sections.ts';
import { enterPiece, type TreeFigures } from '../catalog/trees.ts';
import { type DedupContext, GROUP_KIND } from '../context.ts';
import type { IndexedSection } from '../recipe/recipe-index.ts';
import type { BasePlace } from '../section/model.ts';
import type { Reservation, Reservations } from './reservations.ts';
import type { IngestHost, SectionToStore } from './take-apart.ts';

/** A running ingest. */
export interface IngestSession extends IngestHost {
  /** The sections that have been stored. */
  readonly sections: readonly IndexedSection[];
  /** Bytes that were stored, the new base groups included. */
  readonly storedBytes: number;
  /** The tree, as far as it has been stored. */
  readonly tree: TreeFigures;
  /** Lets go of what the section under way holds; a search that goes on breaks off. */
  end(): void;
}

/** Cuts bytes into what fits in groups. */
function groupsOf(kind: number, bytes: Uint8Array): { kind: number; bytes: Uint8Array }[] {
  const groups: { kind: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length; at += MAX_GROUP) {
    groups.push({ kind, bytes: bytes.subarray(at, at + MAX_GROUP) });
  }
  return groups;
}

/** Tells of groups, each of which is looked up once, whether they are there and not known to be damaged. */
function createGroupCheck(kv: KeyValueStore): (group: GroupId) => boolean {
  const known = new Map<GroupId, boolean>();
  return (group) => {
    let isThere = known.get(group);
    if (isThere === undefined) {
      const record = kv.read(keys.group(group), decode<GroupRecord>);
      isThere = record !== undefined && record.damaged === undefined;
      known.set(group, isThere);
    }
    return isThere;
  };
}

/** Begins the session of a recipe; it writes by a writer that stays open until the ingest ends. */
export function createIngestSession(
  context: DedupContext,
  options: {
    readonly recipe: number;
    readonly writer: SegmentWriter;
    readonly reservations: Reservations;
    readonly signal: AbortSignal;
  },
): IngestSession {
  const { kv, segments, pins } = context;
  const { recipe, writer, reservations } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const sections: IndexedSection[] = [];
  let storedBytes = 0;
  const tree = { pieces: 0, entries: 0, bytes: 0 };
  let fresh: FreshBase[] = [];
  let pinned: GroupId[] = [];
  let reservation: Reservation | undefined;

  function pin(groups: Iterable<GroupId>): void {
    for (const group of groups) {
      pins.set(group, (pins.get(group) ?? 0) + 1);
      pinned.push(group);
    }
  }

  function release(): void {
    for (const group of pinned) {
      const count = pins.get(group)! - 1;
      if (count === 0) pins.delete(group);
      else pins.set(group, count);
    }
    pinned = [];
    fresh = [];
    reservation?.end();
    reservation = undefined;
  }

  async function enter(section: SectionToStore): Promise<void> {
    const { bytes, structure, gaps, patches, uses, startBit, startByte } = section;
    const placements: Placement[] = await writer.append(groupsOf(GROUP_KIND.section, bytes));
    await context.faultPoint('ingest.written');
    await writer.sync();
    signal.throwIfAborted();
    const [first] = placements;
    const groups = [first!.id, placements.length] as const;
    await enterSection(context, {
      recipe,
      number: sections.length,
      placements,
      fresh,
      record: { groups, bases: uses, bytes: { structure, gaps, patches } },
    });
    sections.push({ group: groups[0], groupCount: groups[1], startBit, startByte });
    storedBytes += bytes.length;
    for (const { placement } of fresh) storedBytes += placement.length;
    await context.faultPoint('ingest.section');
  }

  return {
    sections,
    tree,
    get storedBytes() {
      return storedBytes;
    },
    end() {
      ended.abort(new Error('the ingest has ended'));
      release();
    },
    async find(hashes) {
      // From an attempt whose groups went away.
      release();
      reservation = await reservations.claim(hashes, signal);
      if (signal.aborted) release();
      signal.throwIfAborted();
      const found: (readonly BasePlace[])[] = [];
      const isThere = createGroupCheck(kv);
      const pace = startPace(signal);
      const seen = new Set<GroupId>();
      for (const hash of hashes) {
        const places = findPart(kv, hash).filter(({ group }) => isThere(group));
        // Before anybody else has a turn, who could collect them.
        const unpinned = places.map(({ group }) => group).filter((group) => !seen.has(group));
        pin(unpinned);
        for (const group of unpinned) seen.add(group);
        found.push(places);
        if (pace.due()) await pace.rest();
      }
      reservation.keep(hashes.filter((_, i) => found[i]!.length === 0));
      return found;
    },
    async read(groups) {
      const found = new Map<GroupId, Uint8Array>();
      for (let left = groups; left.length > 0; ) {
        try {
          for await (const { id, bytes } of segments.readMany(left, signal)) found.set(id, bytes);
          break;
        } catch (error) {
          if (!(error instanceof GroupMissingError || error instanceof GroupDamagedError))
            throw error;
          // Goes on behind the one that cannot be had.
          left = left.slice(left.indexOf(error.id) + 1);
        }
      }
      return found;
    },
    async writeBases(bases) {
      const groups = bases.map(({ bytes }) => ({ kind: GROUP_KIND.base, bytes }));
      const placements = await writer.append(groups);
      fresh = placements.map((placement, i) => ({ placement, hashes: bases[i]!.hashes }));
      return placements.map(({ id }) => id);
    },
    async storeSection(section) {
      try {
        await enter(section);
        return true;
      } catch (error) {
        if (error instanceof BaseGoneError) return false;
        throw error;
      } finally {
        release();
      }
    },
    async storeTree(pieces) {
      const groups = pieces.map(({ bytes }) => ({ kind: GROUP_KIND.tree, bytes }));
      const placements = await writer.append(groups);
      await writer.sync();
      for (const [i, piece] of pieces.entries()) {
        signal.throwIfAborted();
        const placement = placements[i]!;
        await enterPiece(context, { recipe, number: tree.pieces, placement, piece });
        tree.pieces++;
        tree.entries += piece.entries;
        tree.bytes += placement.length;
        await context.faultPoint('ingest.tree');
      }
    },
  };
}
