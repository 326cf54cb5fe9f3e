// What is done to the replicas while shops sell. Each gives what it did: `[{at, address}]`, the moment and the pod's address.
import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { eventually, kubectl, replicas } from './kubectl.js';

const run = promisify(execFile);
const everyMs = 4000;

/** As a new version would come: all replicas are replaced, one by one. */
export async function roll() {
    await kubectl('rollout', 'restart', 'deployment/clink-checkout');
    await kubectl('rollout', 'status', 'deployment/clink-checkout', '--timeout=10m');
}

/** Those that would be left if one more went: two that are ready, and not about to go. */
const enough = () =>
    eventually('two replicas are ready', async () => {
        const staying = (await replicas()).filter(({ ready, leaving }) => ready && !leaving);
        return staying.length >= 2 && staying;
    });

/** Does `end` to one ready replica after the other, every few seconds, but never to the last one that is ready. */
async function oneAfterTheOther(seconds, end) {
    const done = [];
    const until = Date.now() + seconds * 1000;
    while (Date.now() < until) {
        const [victim] = await enough();
        done.push({ at: Date.now(), address: victim.address });
        await end(victim);
        await pause(everyMs);
    }
    return done;
}

/** As a drained node does: SIGTERM, and the time to finish. */
export const remove = (seconds) => oneAfterTheOther(seconds, ({ name }) => kubectl('delete', 'pod', name, '--wait=false'));

/** Without time to finish: the pod leaves the Service and is killed. */
export const kill = (seconds) => oneAfterTheOther(seconds, ({ name }) => kubectl('delete', 'pod', name, '--grace-period=0', '--force'));

/** As a crash: the process is gone and Kubernetes finds out. */
export const crash = (seconds) => oneAfterTheOther(seconds, ({ container }) => run('docker', ['kill', '--signal=KILL', container]));

/** The exit statuses of the service's containers from now on, as Docker reports them. */
export function watchExits() {
    const exits = [];
    const filters = ['event=die', 'label=io.kubernetes.container.name=clink-checkout'].flatMap((filter) => ['--filter', filter]);
    const events = execFile('docker', ['events', ...filters, '--format', '{{.Actor.Attributes.exitCode}}']);
    events.stdout.on('data', (text) => exits.push(...text.trim().split('\n').map((status) => ({ at: Date.now(), status: Number(status) }))));
    return { since: (moment) => exits.filter(({ at }) => at >= moment).map(({ status }) => status), stop: () => events.kill() };
}
