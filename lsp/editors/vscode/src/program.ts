// Commands of the program itself, beside the server: their output, or what to tell where there is none.

import { execFile } from 'node:child_process';

export interface Outcome {
  ok: boolean;
  text: string;
}

const TIMEOUT_MS = 60_000;

export function run(program: string, args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      resolve(error === null ? { ok: true, text: stdout } : { ok: false, text: explain(program, args, error, stderr) });
    });
  });
}

function explain(program: string, args: string[], error: Error & { code?: unknown }, stderr: string): string {
  if (error.code === 'ENOENT') {
    return `"${program}" cannot be started. Set completer.command to where it is installed.`;
  }
  if (stderr.includes('No such command')) {
    return `This version of completer has no "${args[0]}". Update it.`;
  }
  return stderr.trim() || error.message;
}
