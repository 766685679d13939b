/**
 * The health check of the container image: asks the running server for /readyz. It finds the server
 * by the address file in the data directory, so that it needs no settings for ports and TLS.
 * Exit code 0 when the server is ready.
 */
import { readFileSync } from 'node:fs';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { join } from 'node:path';

// As everywhere, a variable that is empty is one that is not set.
const file = join(process.env.STOWAGE_DATA__DIR || 'data', 'server.json');
const { url } = JSON.parse(readFileSync(file, 'utf8'));
const target = new URL('/readyz', url);
const get = target.protocol === 'https:' ? getHttps : getHttp;
// The certificate names the host that clients use, not this one.
const request = get(target, { rejectUnauthorized: false, timeout: 4000 }, (response) => {
  response.resume();
  process.exitCode = response.statusCode === 200 ? 0 : 1;
});
request.on('timeout', () => request.destroy(new Error('no answer in time')));
request.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
