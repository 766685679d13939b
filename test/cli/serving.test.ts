import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type RunningServer, runUntilStopped } from '../../src/cli/serving.ts';
import type { Config } from '../../src/registry/config/config.ts';
import { ConfigError } from '../../src/registry/config/problems.ts';

/** A server whose every step is told, and whose end can be held up. */
function harness(server: Partial<RunningServer> = {}) {
  const signals = new EventEmitter();
  const events: string[] = [];
  const changed = new EventEmitter();
  const note = (event: string): void => {
    events.push(event);
    changed.emit(event);
  };
  const started = new Promise((resolve) => changed.once('start', resolve));
  const config = {} as Config;
  const running = runUntilStopped({
    start: async () => {
      note('start');
      return {
        url: 'http://127.0.0.1:1',
        close: async () => note('close'),
        reload: async (given) => note(given === config ? 'reload' : 'reload of something else'),
        ...server,
      };
    },
    load: async () => config,
    signals,
    force: (code) => note(`force ${code}`),
    warn: (text) => note(`warn ${text.split('\n')[0]}`),
  });
  return { signals, events, changed, started, running };
}

describe('stowage serve: signals', () => {
  it.each(['SIGTERM', 'SIGINT'])('%s closes the server, then all is over', async (signal) => {
    const { signals, events, started, running } = harness();
    await started;
    signals.emit(signal);
    await running;
    expect(events).toEqual(['start', 'close']);
    expect(signals.eventNames()).toEqual([]);
  });

  it('the second one does not wait for transfers', async () => {
    const hold = Promise.withResolvers<void>();
    const { signals, events, started, running } = harness({ close: () => hold.promise });
    await started;
    signals.emit('SIGTERM');
    signals.emit('SIGINT');
    expect(events).toEqual(['start', 'force 1']);
    hold.resolve();
    await running;
  });

  it('one that comes before the server listens is not lost', async () => {
    const { signals, events, running } = harness();
    signals.emit('SIGTERM');
    await running;
    expect(events).toEqual(['start', 'close']);
  });

  it('SIGHUP hands the server the configuration as it is now', async () => {
    const { signals, events, changed, started, running } = harness();
    await started;
    await new Promise((resolve) => setImmediate(resolve));
    const reloaded = new Promise((resolve) => changed.once('reload', resolve));
    signals.emit('SIGHUP');
    await reloaded;
    signals.emit('SIGTERM');
    await running;
    expect(events).toEqual(['start', 'reload', 'close']);
  });

  it('SIGHUP with a wrong configuration changes nothing', async () => {
    const problem = { key: 'gc.leese', message: 'unknown key' };
    const reload = () => Promise.reject(new ConfigError([problem]));
    const { signals, events, changed, started, running } = harness({ reload });
    await started;
    await new Promise((resolve) => setImmediate(resolve));
    const text = 'warn stowage: the new configuration is wrong, the old one stays in force';
    const warned = new Promise((resolve) => changed.once(text, resolve));
    signals.emit('SIGHUP');
    await warned;
    signals.emit('SIGTERM');
    await running;
    expect(events).toEqual(['start', text, 'close']);
  });

  it('an error of the start goes through', async () => {
    const signals = new EventEmitter();
    const running = runUntilStopped({
      start: () => Promise.reject(new Error('port taken')),
      load: () => Promise.reject(new Error('not asked for')),
      signals,
      force: () => {},
      warn: () => {},
    });
    await expect(running).rejects.toThrow('port taken');
    expect(signals.eventNames()).toEqual([]);
  });
});
