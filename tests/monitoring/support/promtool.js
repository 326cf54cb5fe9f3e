// promtool, run to its end.
import { spawn, spawnSync } from 'node:child_process';

/** `{status, text}`: what it exited with and all that it said. */
export function promtool(args, input = '') {
    const { status, stdout, stderr, error } = spawnSync('promtool', args, { input, encoding: 'utf8' });
    if (error) throw error;
    return { status, text: stdout + stderr };
}

/** The same without waiting for it here, so that others can run beside it. */
export function promtoolBeside(args) {
    const child = spawn('promtool', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (said) => (text += said));
    return new Promise((done, failed) => child.on('error', failed).on('close', (status) => done({ status, text })));
}
