/** The description of `/api/v1/` (OpenAPI 3.1), made from the table of routes and the schemas. */
import { z } from 'zod';
import { PARAMETERS, type ParameterName, requestName } from './parameters.ts';
import type { Route } from './route.ts';
import { ROUTES } from './routes.ts';
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

function describeParameter(parameter: ParameterName): Json {
  const { as: _, ...described } = PARAMETERS[parameter];
  return { name: requestName(parameter), in: 'query', ...described };
}

/** What a route answers that gives bytes as well. */
const DOWNLOADS = {
  'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
  'application/x-tar': { schema: { type: 'string', format: 'binary' } },
} as const;

function describe(route: Route): Json {
  const json = jsonContent(schemaOf(route.answer));
  const content = route.isDownload ? { ...json, ...DOWNLOADS } : json;
  return {
    operationId: route.id,
    summary: route.summary,
    parameters: route.parameters.map(describeParameter),
    responses: {
      [route.status]: { description: route.summary, content },
      ...(route.isDownload && { 206: { description: 'The range asked for', content: DOWNLOADS } }),
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
        'Needs the admin right where authentication is configured, for files the right to pull from ' +
        'their repository. Repositories that the caller ' +
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
