/**
 * The registry benchmark: `node bench/registry/main.ts [compare|memory|latency|scale] [options]`.
 * What it measures and how is said in ../README.md.
 */
import { COMPARE_HELP, compareCommand } from './runs/compare-command.ts';
import { LATENCY_HELP, latencyCommand } from './runs/latency-command.ts';
import { MEMORY_HELP, memoryCommand } from './runs/memory.ts';
import { SCALE_HELP, scaleCommand } from './runs/scale-command.ts';

type Command = (args: readonly string[]) => Promise<void>;

const COMMANDS: Readonly<Record<string, Command>> = {
  compare: compareCommand,
  memory: memoryCommand,
  latency: latencyCommand,
  scale: scaleCommand,
};

const HELP = [COMPARE_HELP, MEMORY_HELP, LATENCY_HELP, SCALE_HELP].join('\n');

async function main(args: readonly string[]): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(HELP);
    return;
  }
  const [first = ''] = args;
  const command = COMMANDS[first];
  if (command !== undefined) return await command(args.slice(1));
  if (first !== '' && !first.startsWith('-')) throw new Error(`no sub-command ${first}\n${HELP}`);
  await compareCommand(args);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
