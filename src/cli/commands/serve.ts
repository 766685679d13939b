/** `stowage serve` */
import type { Command } from 'commander';
import { loadConfig } from '../../registry/config/load.ts';
import { serve } from '../../registry/serve.ts';
import { type CliContext, defineCommand, withConfig } from '../context.ts';
import { runUntilStopped } from '../serving.ts';

/** Defines the command. */
export function command({ terminal }: CliContext): Command {
  const definition = defineCommand({
    usage: 'serve',
    description:
      'Run the registry until SIGTERM or Ctrl-C, which lets transfers finish; a second one does not.\n' +
      'SIGHUP reads the configuration again. The log goes to standard output as JSON lines.',
    examples: [
      ['stowage serve', 'on 127.0.0.1:5000, with data in ./data'],
      ['stowage serve -c /etc/stowage.yaml', 'as the file says'],
      ['STOWAGE_HTTP__LISTEN=127.0.0.1:8080 stowage serve', 'with one key changed'],
    ],
  });
  return withConfig(definition).action(async (options: { readonly config?: string }) => {
    const { environment, directory } = terminal;
    const load = () => loadConfig({ file: options.config, environment, directory });
    const { config } = await load();
    await runUntilStopped({
      start: () => serve(config),
      load: async () => (await load()).config,
      signals: process,
      force: (code) => process.exit(code),
      warn: terminal.err,
    });
  });
}
