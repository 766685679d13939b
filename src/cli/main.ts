#!/usr/bin/env node
/** Entry of the command line. */
import { setFlagsFromString } from 'node:v8';
import { settleAllocator } from './allocator.ts';

// What ends soon does not need it. The program is loaded afterwards, for what was done before is lost.
if (process.argv[2] === 'serve') settleAllocator();
const { runCli } = await import('./run.ts');
const { processTerminal } = await import('./terminal.ts');

// Syncs of pushes take a thread each while they wait for the disk; with libuv's default of four, reads
// of other requests would wait behind them. It has to be set before the first file is touched.
process.env.UV_THREADPOOL_SIZE ??= '16';

// V8 lets the heap grow to several times what is alive before it collects everything, and keeps the
// memory. A server is better off with half more.
setFlagsFromString('--heap-growing-percent=50');

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: processTerminal(),
  openDirectory: async (config) => {
    const { openDirectory } = await import('../registry/admin/local-operations.ts');
    return await openDirectory(config);
  },
});
