import { describe, expect, it } from 'vitest';
import { parseSize } from '../../../src/lib/size.ts';
import { isLoopback, isNetwork, parseListenAddress } from '../../../src/registry/config/address.ts';
import { closest } from '../../../src/registry/config/closest.ts';
import { parseDuration } from '../../../src/registry/config/duration.ts';

describe('decisions 9: durations', () => {
  it.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['24h', 86_400_000],
    ['14d', 1_209_600_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '5', '5 s', '-5s', '5S', '5w', '1h30m', '.5s', '5.s', '0.1ms', 'off', '1e3s'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );
});

describe('decisions 9: sizes', () => {
  it.each([
    ['4096', 4096],
    ['0', 0],
    ['512B', 512],
    ['4KiB', 4096],
    ['4MiB', 4_194_304],
    ['1GiB', 1_073_741_824],
    ['1.5GiB', 1_610_612_736],
    ['2TiB', 2_199_023_255_552],
  ])('reads %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', '4MB', '4M', '4 MiB', '-1', '4mib', '0x10', '999999999999999TiB'])(
    'refuses %j',
    (text) => {
      expect(parseSize(text)).toBeUndefined();
    },
  );
});

describe('decisions 9: addresses', () => {
  it.each([
    ['127.0.0.1:5000', { host: '127.0.0.1', port: 5000 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['[::1]:5000', { host: '::1', port: 5000 }],
    [':5000', { host: '0.0.0.0', port: 5000 }],
    ['registry.example.com:443', { host: 'registry.example.com', port: 443 }],
  ])('reads %s', (text, address) => {
    expect(parseListenAddress(text)).toEqual(address);
  });

  it.each([
    '',
    '5000',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0:80',
    '::1:5000',
    '[127.0.0.1]:5000',
    'a b:80',
    'http://localhost:80',
    'host:',
  ])('refuses %j', (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });

  it.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost', '::ffff:127.0.0.1'])(
    'takes %s for this machine only',
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.1', 'example.com', '128.0.0.1', 'localhost.example.com'])(
    'takes %s for reachable',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );

  it.each(['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8'])('takes the network %s', (text) => {
    expect(isNetwork(text)).toBe(true);
  });

  it.each(['', 'proxy', '10.0.0.0/33', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/'])(
    'refuses the network %j',
    (text) => {
      expect(isNetwork(text)).toBe(false);
    },
  );
});

describe('hints', () => {
  it.each([
    ['lisen', 'listen'],
    ['listne', 'listen'],
    ['LISTEN', 'listen'],
    ['tsl', 'tls'],
  ])('knows what %s means', (name, meant) => {
    expect(closest(name, ['listen', 'tls', 'timeouts'])).toBe(meant);
  });

  it('says nothing where nothing is near', () => {
    expect(closest('colour', ['listen', 'tls', 'timeouts'])).toBeUndefined();
    expect(closest('xy', ['gc'])).toBeUndefined();
    expect(closest('x'.repeat(1000), ['x'.repeat(1000)])).toBeUndefined();
  });
});
