/** `GET /v2/<name>/referrers/<digest>` (end-12): who names this digest as their subject. */
import { isDigest } from '../../oci/digest.ts';
import { OciError } from '../../oci/errors.ts';
import { OCI_IMAGE_INDEX } from '../../oci/media-types.ts';
import { referrersOf } from '../../storage/listing.ts';
import { COMMON_HEADERS, type Exchange } from './exchange.ts';
import { allows } from './permission.ts';
import { requireName } from './target.ts';

/** Clients take manifests of 4 MiB at least; a page stays below. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024;
/** Entries looked at for one page; a filter may pass over many. */
const MAX_LOOKED_AT = 20_000;

function artifactTypeOf(json: string): unknown {
  return (JSON.parse(json) as { artifactType?: unknown }).artifactType;
}

/** Answers with an index of the referrers; unknown digests and repositories have none (REF-2). */
export function getReferrers(exchange: Exchange): void {
  const repository = requireName(exchange.target);
  const subject = exchange.target.reference;
  if (!isDigest(subject)) throw new OciError('DIGEST_INVALID', { message: 'no valid digest' });
  const filter = exchange.query('artifactType');
  const last = exchange.query('last');
  if (last !== undefined && !isDigest(last)) {
    throw new OciError('UNSUPPORTED', { status: 400, message: 'last is no digest' });
  }
  const found: string[] = [];
  let bytes = 0;
  let lookedAt = 0;
  let end: string | undefined;
  let next: string | undefined;
  if (allows(exchange, 'pull', repository)) {
    const { context } = exchange.app.store;
    for (const { digest, json } of referrersOf(context, repository, { subject, last })) {
      const size = Buffer.byteLength(json);
      if (found.length > 0 && bytes + size > MAX_PAGE_BYTES) next = end;
      else if (lookedAt === MAX_LOOKED_AT) next = end;
      if (next !== undefined) break;
      lookedAt++;
      end = digest;
      if (filter !== undefined && artifactTypeOf(json) !== filter) continue;
      found.push(json);
      bytes += size + 1;
    }
  }
  const text = `{"schemaVersion":2,"mediaType":"${OCI_IMAGE_INDEX}","manifests":[${found.join()}]}`;
  const body = Buffer.from(text);
  const headers = [
    'Content-Type',
    OCI_IMAGE_INDEX,
    'Content-Length',
    String(body.length),
    ...COMMON_HEADERS,
  ];
  if (filter !== undefined) headers.push('OCI-Filters-Applied', 'artifactType');
  if (next !== undefined) {
    const query = new URLSearchParams({ last: next, ...(filter && { artifactType: filter }) });
    headers.push('Link', `<${exchange.target.path}?${query}>; rel="next"`);
  }
  exchange.send(200, headers, body);
}
