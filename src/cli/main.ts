#!/usr/bin/env node
/** Entry of the command line. */
import { runCli } from './run.ts';
import { processTerminal } from './terminal.ts';

// Syncs of pushes take a thread each while they wait for the disk; with libuv's default of four, reads
// of other requests would wait behind them. It has to be set before the first file is touched.
process.env.UV_THREADPOOL_SIZE ??= '16';

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: processTerminal(),
  openDirectory: async (config) => {
    const { openDirectory } = await import('../registry/admin/local-operations.ts');
    return await openDirectory(config);
  },
});
