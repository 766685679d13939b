/** The cursor of a search as clients carry it: a position as base64url of JSON. */
import { z } from 'zod';
import type { FindPosition } from '../../dedup/files/find.ts';

const POSITION: z.ZodType<FindPosition> = z.strictObject({
  key: z.string(),
  entry: z.int().min(0).optional(),
  repository: z.string().optional(),
  manifest: z.string().optional(),
});

/** Writes a position. */
export function findCursor(position: FindPosition): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** Reads it; undefined when it is none. */
export function readFindCursor(text: string): FindPosition | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return POSITION.safeParse(json).data;
  } catch {
    return undefined;
  }
}
