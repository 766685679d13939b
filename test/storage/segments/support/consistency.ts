/** Looks at all that a database says of segments, and says where it contradicts itself. */
import type { Entry, KeyRange } from '../../../../src/storage/kv/types.ts';
import type {
  CounterRecord,
  GroupRecord,
  SegmentRecord,
  SegmentTotals,
} from '../../../../src/storage/metadata/records.ts';
import { GROUP_HEADER, SEGMENT_HEADER } from '../../../../src/storage/segments/layout.ts';

interface EntrySource {
  entries(range: KeyRange): Iterable<Entry>;
}

interface Found extends GroupRecord {
  readonly id: number;
}

function rowsOf<T>(source: EntrySource, prefix: string): Map<string, T> {
  const rows = new Map<string, T>();
  for (const [key, value] of source.entries({ from: `${prefix} `, to: `${prefix}!` })) {
    rows.set(key.slice(prefix.length + 1), JSON.parse(Buffer.from(value).toString()) as T);
  }
  return rows;
}

const number = (hex: string): number => Number.parseInt(hex, 16);

/** Groups by their segment, in the order in which they lie. */
function bySegment(groups: readonly Found[]): Map<number, Found[]> {
  const map = new Map<number, Found[]>();
  for (const group of groups) {
    map.set(group.segment, [...(map.get(group.segment) ?? []), group]);
  }
  for (const list of map.values()) list.sort((a, b) => a.position - b.position);
  return map;
}

/** What contradicts what; empty when all is well. May be asked between any two commits. */
export function findContradictions(source: EntrySource): string[] {
  const problems: string[] = [];
  const need = (ok: boolean, problem: string): void => {
    if (!ok) problems.push(problem);
  };
  const groups = [...rowsOf<GroupRecord>(source, 'sg')].map(
    ([key, record]): Found => ({ ...record, id: number(key) }),
  );
  const segments = new Map(
    [...rowsOf<SegmentRecord>(source, 'ss')].map(([key, record]) => [number(key), record]),
  );
  const places = new Set(
    [...rowsOf(source, 'sp').keys()].map((key) => key.split(' ').map(number).join(' ')),
  );
  const quarantined = new Set([...rowsOf(source, 'sq').keys()].map(number));
  const dead = [...rowsOf(source, 'sx').keys()].map(number);
  const z = rowsOf<CounterRecord & SegmentTotals>(source, 'z');

  need(places.size === groups.length, `${places.size} places for ${groups.length} groups`);
  for (const { id, segment, position, damaged } of groups) {
    need(places.has([segment, position, id].join(' ')), `group ${id} is not under its place`);
    need(segments.has(segment), `group ${id} lies in an unknown segment`);
    need(quarantined.has(id) === (damaged !== undefined), `quarantine of group ${id}`);
    need(id < (z.get('groups')?.next ?? 0), `number of group ${id}`);
  }
  need(
    [...quarantined].every((id) => groups.some((group) => group.id === id)),
    'a group in quarantine is gone',
  );
  const sums = { segments: 0, groups: 0, damaged: 0, live: 0, bytes: 0 };
  const lists = bySegment(groups);
  for (const [segment, record] of segments) {
    const list = lists.get(segment) ?? [];
    let end = SEGMENT_HEADER;
    let live = 0;
    for (const { id, position, length } of list) {
      need(position >= end, `group ${id} lies over another`);
      end = position + GROUP_HEADER + length;
      live += GROUP_HEADER + length;
    }
    const damaged = list.filter((group) => group.damaged !== undefined).length;
    need(record.end >= end, `end of segment ${segment}`);
    need(record.live === live, `live bytes of segment ${segment}`);
    need(record.groups === list.length, `groups of segment ${segment}`);
    need(record.damaged === damaged, `damaged groups of segment ${segment}`);
    const hasDead = record.end - SEGMENT_HEADER > live;
    need((record.deadSince !== undefined) === hasDead, `dead bytes of segment ${segment}`);
    need(segment < (z.get('segments')?.next ?? 0), `number of segment ${segment}`);
    sums.segments++;
    sums.groups += list.length;
    sums.damaged += damaged;
    sums.live += live;
    sums.bytes += record.end;
  }
  for (const segment of dead) need(!segments.has(segment), `segment ${segment} is dead and alive`);
  const totals = z.get('segment-totals') ?? {
    segments: 0,
    groups: 0,
    damaged: 0,
    live: 0,
    bytes: 0,
  };
  need(
    JSON.stringify(totals) === JSON.stringify(sums),
    `totals ${JSON.stringify(totals)}, counted ${JSON.stringify(sums)}`,
  );
  return problems;
}
