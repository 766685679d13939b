/** How many rounds the fault tests go, few by default, and with which choices. */
import { randomInt } from 'node:crypto';

/** The script for the long forms sets it. */
const isLong = process.env.STOWAGE_LONG === 'true';

function count(variable: string, short: number): number {
  const text = process.env[variable];
  if (text === undefined || text === '') return isLong ? 100 : short;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${variable} must be a number`);
  return value;
}

/** Times that the server is killed and started again. */
export const KILL_ROUNDS = count('FAULT_ROUNDS', 6);

/** Snapshots of the disk that are taken under load. */
export const POWER_ROUNDS = count('POWER_ROUNDS', 3);

/** Decides what is done and when; how requests interleave stays up to the machine. */
export const SEED = Number(process.env.FAULT_SEED ?? randomInt(2 ** 32));

/** Milliseconds that a test of some rounds may take on a slow machine. */
export const timeFor = (rounds: number): number => 120_000 + rounds * 60_000;
