/** The difference of two images as JSON, and the schema that it keeps to. */
import { z } from 'zod';
import { type ImageDiff, imageDiff } from './schema.ts';

/**
 * A difference as JSON, as `stowage analyze diff --json` prints it.
 * @throws ZodError when it does not keep to the schema, which is a mistake of whoever made it
 */
export function jsonDiff(diff: ImageDiff): string {
  return `${JSON.stringify(imageDiff.parse(diff), null, 2)}\n`;
}

/** The schema as JSON text (JSON Schema 2020-12), as it stands in docs/analysis-diff.schema.json. */
export function diffJsonSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(imageDiff, { reused: 'ref' });
  const title = 'Difference of two images, by Stowage';
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}
