#!/usr/bin/env node
/** Entry of the command line. */
import { runCli } from './run.ts';
import { processTerminal } from './terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), {
  terminal: processTerminal(),
  openDirectory: async (config) => {
    const { openDirectory } = await import('../registry/admin/local-operations.ts');
    return await openDirectory(config);
  },
});
