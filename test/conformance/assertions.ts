/** What tests say about answers, with the whole answer in the message when it does not hold. */
import { expect, type TestContext } from 'vitest';
import type { RegistryResponse } from './response.ts';
import { settings } from './settings.ts';

/** The codes that the OCI distribution specification allows in a 4XX body ("Error Codes"). */
export const SPECIFIED_CODES = [
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
] as const;

export type SpecifiedCode = (typeof SPECIFIED_CODES)[number];

/** One entry of an error body. */
export interface ErrorEntry {
  readonly code: string;
  readonly message?: string;
  readonly detail?: unknown;
}

/** Expects one of the given statuses. Returns the answer, for chaining. */
export function expectStatus(
  response: RegistryResponse,
  ...allowed: readonly number[]
): RegistryResponse {
  expect(allowed, response.describe()).toContain(response.status);
  return response;
}

/** Expects a body of the specification's error format and returns its entries. */
export function errorEntries(response: RegistryResponse): readonly ErrorEntry[] {
  const about = response.describe();
  expect(response.get('content-type') ?? 'no type', about).toMatch(/^application\/json\b/);
  const body = response.json<{ errors?: unknown }>();
  expect(Array.isArray(body.errors), about).toBe(true);
  const entries = body.errors as ErrorEntry[];
  expect(entries.length, about).toBeGreaterThan(0);
  for (const { code, message } of entries) {
    expect(SPECIFIED_CODES, about).toContain(code);
    if (message !== undefined) expect(message, about).toBeTypeOf('string');
  }
  return entries;
}

/**
 * Expects a status and a well-formed error body whose first code is the given one.
 * @param elsewhere - statuses that are as good where the registry under test is not Stowage, since
 *   the specification leaves the choice
 */
export function expectError(
  response: RegistryResponse,
  status: number,
  code: SpecifiedCode,
  { elsewhere = [] }: { readonly elsewhere?: readonly number[] } = {},
): void {
  if (settings.registry !== undefined && elsewhere.includes(response.status)) return;
  expectStatus(response, status);
  expect(errorEntries(response)[0]?.code, response.describe()).toBe(code);
}

/** Expects a header to have exactly this value. */
export function expectHeader(response: RegistryResponse, name: string, value: string): void {
  expect(response.get(name), `${name} of ${response.describe()}`).toBe(value);
}

/** Expects exactly these bytes; says where they differ instead of printing both. */
export function expectBody(response: RegistryResponse, bytes: Uint8Array): void {
  const same = response.body.equals(bytes);
  if (same) return;
  const { length } = response.body;
  let at = 0;
  while (at < length && response.body[at] === bytes[at]) at++;
  const where = `${length} bytes instead of ${bytes.length}, different from byte ${at} on`;
  expect.fail(`${response.describe()}: wrong body, ${where}`);
}

/**
 * Expects Docker-Content-Digest to be `digest` where it is sent at all.
 * @param required - also fail when it is missing
 */
export function expectDigestHeader(
  response: RegistryResponse,
  digest: string,
  required: boolean,
): void {
  const value = response.get('docker-content-digest');
  if (value === undefined && !required) return;
  expect(value, `Docker-Content-Digest of ${response.describe()}`).toBe(digest);
}

/** Ends a test for an optional part that the registry lacks: skipped, or failed when strict. */
export function unsupported(context: TestContext, reason: string): never {
  if (settings.strict) expect.fail(`${reason} (every optional part is required in this run)`);
  context.skip(reason);
}
