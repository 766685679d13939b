/** The description of `/api/v1/` (OpenAPI 3.1), made from the table of routes and the schemas. */
import { z } from 'zod';
import { PARAMETERS } from './parameters.ts';
import { ROUTES, type Route } from './routes.ts';
import { errorAnswer } from './schemas.ts';

/** Where the API is served. */
export const API_PREFIX = '/api/v1';

/** Where its description is, below the prefix. */
export const DESCRIPTION_PATH = '/openapi.json';

type Json = Readonly<Record<string, unknown>>;

/** An answer may hold more in a later version: the schema of what is sent does not forbid it. */
function schemaOf(type: z.ZodType): Json {
  const { $schema, ...schema } = z.toJSONSchema(type, { io: 'input' });
  return schema;
}

function jsonContent(schema: Json): Json {
  return { 'application/json': { schema } };
}

const ERROR = {
  description: 'The request was refused.',
  content: jsonContent({ $ref: '#/components/schemas/Error' }),
};

function describe(route: Route): Json {
  return {
    operationId: route.id,
    summary: route.summary,
    parameters: route.parameters.map((name) => ({ name, in: 'query', ...PARAMETERS[name] })),
    responses: {
      [route.status]: { description: route.summary, content: jsonContent(schemaOf(route.answer)) },
      '4XX': ERROR,
      '5XX': ERROR,
    },
  };
}

/** The description as a document. */
export function describeApi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of ROUTES) {
    const path = API_PREFIX + route.path;
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describe(route) };
  }
  paths[API_PREFIX + DESCRIPTION_PATH] = {
    get: {
      operationId: 'getDescription',
      summary: 'This description',
      responses: { 200: { description: 'OpenAPI 3.1', content: jsonContent({ type: 'object' }) } },
    },
  };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Stowage for operators',
      version,
      description:
        'Needs the admin right where authentication is configured. Repositories that the caller ' +
        'may not pull from are as if they were missing. Times are ISO 8601 in UTC.',
    },
    paths,
    components: {
      schemas: { Error: schemaOf(errorAnswer) },
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
    security: [{}, { basic: [] }, { bearer: [] }],
  };
}
