/** The published JSON Schema of the configuration file, for editors and other checkers. */
import { z } from 'zod';
import { settingsSchema } from './schema.ts';

/** The schema as JSON text (JSON Schema 2020-12), as it stands in docs/config.schema.json. */
export function configJsonSchema(): string {
  const { $schema, ...rest } = z.toJSONSchema(settingsSchema, { io: 'input' });
  const schema = { $schema, title: 'Configuration of Stowage', ...rest };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
