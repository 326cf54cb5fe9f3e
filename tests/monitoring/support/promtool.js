// promtool, run to its end.
import { spawnSync } from 'node:child_process';

/** `{status, text}`: what it exited with and all that it said. */
export function promtool(args, input = '') {
    const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8' });
    if (error) throw error;
    return { status, text: stdout + stderr };
}
