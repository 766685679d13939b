/** TLS: certificates that change while the server runs, and downloads through it. */
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectBody, expectStatus } from '../../conformance/assertions.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { digestOf } from '../../conformance/content.ts';
import { blobPath, get, head, pushBlob } from '../../conformance/requests.ts';
import { makeCertificate } from '../../support/certificate.ts';
import { type RunningServer, StartError, startServer } from '../../support/server.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { getRequest } from '../http/listening.ts';

const MIB = 1024 * 1024;
const [first, second, third] = [makeCertificate(), makeCertificate(), makeCertificate()];
const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;

let folder: string;
let server: RunningServer;
let client: RegistryClient;
let certPath: string;
let keyPath: string;

beforeAll(async () => {
  folder = await makeTemporary('tls');
  certPath = join(folder, 'cert.pem');
  keyPath = join(folder, 'key.pem');
  await writeFile(certPath, first.cert);
  await writeFile(keyPath, first.key);
  server = await startServer({
    env: {
      STOWAGE_HTTP__TLS__CERT: certPath,
      STOWAGE_HTTP__TLS__KEY: keyPath,
      STOWAGE_HTTP__TIMEOUTS__HEADERS: '1s',
    },
  });
  client = new RegistryClient({ origin: server.url, ca: first.cert });
});
afterAll(async () => {
  client.close();
  await server.stop();
  await removeTemporary(folder);
});

function handshake(): Promise<TLSSocket> {
  const { hostname: host, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), rejectUnauthorized: false }, () =>
      resolve(socket),
    );
    socket.once('error', reject);
  });
}

/** Fingerprint of the certificate that a new connection is shown. */
async function shown(): Promise<string> {
  const socket = await handshake();
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

const replace = async (path: string, text: string): Promise<void> => {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
};
const logged = (start: string, count = 1): Promise<unknown> =>
  expect
    .poll(
      () =>
        server.lines().filter(({ msg }) => (msg as string | undefined)?.startsWith(start)).length,
    )
    .toBe(count);

describe('issue 3: downloads over TLS', () => {
  it('are whole, in ranges, and by HEAD as over plain HTTP', async () => {
    const bytes = randomBytes(5 * MIB + 77);
    const target = blobPath('tls/app', await pushBlob(client, 'tls/app', bytes));
    expectBody(expectStatus(await get(client, target), 200), bytes);
    for (const [start, end] of [
      [0, 0],
      [MIB - 1, 3 * MIB],
      [5 * MIB, 5 * MIB + 76],
    ] as const) {
      const answer = await get(client, target, { range: `bytes=${start}-${end}` });
      expectBody(expectStatus(answer, 206), bytes.subarray(start, end + 1));
    }
    expect((await head(client, target)).get('content-length')).toBe(String(bytes.length));
  });

  it('that break off give everything back', async () => {
    const target = blobPath('tls/app', await pushBlob(client, 'tls/app', randomBytes(32 * MIB)));
    for (let i = 0; i < 5; i++) {
      const socket = await handshake();
      socket.write(getRequest(target).repeat(3));
      await new Promise((resolve) => socket.once('data', resolve));
      socket.destroy();
    }
    // The request that asks is the one that is left.
    await expect
      .poll(async () => (await get(client, '/metrics')).body.toString())
      .toContain('\nstowage_http_requests_active 1\n');
    const answer = await get(client, target);
    expect(`sha256:${createHash('sha256').update(answer.body).digest('hex')}`).toBe(
      digestOf(answer.body),
    );
    expect(target.endsWith(digestOf(answer.body))).toBe(true);
  });
});

describe('issue 3: a connection that does not begin TLS', () => {
  it('is closed after http.timeouts.headers', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connectTcp(Number(port), hostname);
    socket.on('error', () => undefined);
    const opened = Date.now();
    await new Promise<void>((resolve) => socket.once('close', () => resolve()).resume());
    expect(Date.now() - opened).toBeLessThan(10_000);
  });
});

describe('decisions 5: a certificate that changes', () => {
  it('is used for new connections once its key fits; those that are open stay', async () => {
    const kept = await handshake();
    const answerOf = async (): Promise<string> => {
      kept.write(getRequest('/livez'));
      return await new Promise((resolve) => kept.once('data', (data) => resolve(String(data))));
    };
    expect(await answerOf()).toContain('200 OK');
    expect(await shown()).toBe(fingerprint(first.cert));

    // One file after the other, as the tools that renew certificates write them.
    await replace(certPath, second.cert);
    await logged('certificate and key do not fit');
    expect(await shown()).toBe(fingerprint(first.cert));
    await replace(keyPath, second.key);
    await logged('certificate in use');
    expect(await shown()).toBe(fingerprint(second.cert));

    // A file that is just being written is empty at first.
    await writeFile(certPath, '');
    await logged('file cannot be read');
    expect(await shown()).toBe(fingerprint(second.cert));
    await writeFile(certPath, third.cert);
    await replace(keyPath, third.key);
    await logged('certificate in use', 2);
    expect(await shown()).toBe(fingerprint(third.cert));

    expect(await answerOf()).toContain('200 OK');
    kept.destroy();
    expect(server.output()).not.toContain('PRIVATE KEY');
  });

  it.each([
    ['does not belong to the key', () => second.cert],
    ['is empty', () => ''],
  ])('that %s ends the start', async (_, cert) => {
    const [wrongCert, wrongKey] = [join(folder, 'wrong-cert.pem'), join(folder, 'wrong-key.pem')];
    await writeFile(wrongCert, cert());
    await writeFile(wrongKey, first.key);
    const env = { STOWAGE_HTTP__TLS__CERT: wrongCert, STOWAGE_HTTP__TLS__KEY: wrongKey };
    const error = await startServer({ env }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(StartError);
    expect((error as StartError).code).toBe(1);
  });
});
