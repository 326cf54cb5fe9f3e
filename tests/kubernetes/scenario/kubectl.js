// kubectl as a function, in the sandbox's namespace.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

import { eventually as awaited } from '../../e2e/support/environment.js';

const run = promisify(execFile);
const kubectlProgram = process.env.KUBECTL ?? 'kubectl';

export const namespace = 'checkout-sandbox';

/** Its standard output. Fails with what it wrote on standard error. */
export async function kubectl(...words) {
    const { stdout } = await run(kubectlProgram, ['--namespace', namespace, ...words], { maxBuffer: 64 << 20 });
    return stdout;
}

/** Feeds it a manifest. */
export function applyObject(object) {
    return new Promise((resolve, reject) => {
        const child = spawn(kubectlProgram, ['--namespace', namespace, 'apply', '-f', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
        child.on('exit', (status) => (status === 0 ? resolve() : reject(new Error(`kubectl apply: ${status}`))));
        child.stdin.end(JSON.stringify(object));
    });
}

export const getObjects = async (kind, ...words) => JSON.parse(await kubectl('get', kind, '--output=json', ...words));

/** As the end-to-end tests', at the pace of what a cluster does, and of asking it. */
export const eventually = (what, ask, seconds = 180) => awaited(what, ask, seconds, 200);

/** The replicas that serve: `{name, address, ready, leaving, container}`. */
export async function replicas() {
    const { items } = await getObjects('pods', '--selector=app.kubernetes.io/component=serve');
    return items.map(({ metadata, status }) => ({
        name: metadata.name,
        address: status.podIP,
        ready: (status.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True'),
        leaving: Boolean(metadata.deletionTimestamp),
        container: status.containerStatuses?.[0]?.containerID?.replace(/^docker:\/\//, ''),
    }));
}

/** Awaits as many replicas, all of them ready and none about to go. */
export const settled = (count) =>
    eventually(`${count} replicas are ready`, async () => {
        const found = await replicas();
        return found.length >= count && found.every(({ ready, leaving }) => ready && !leaving) && found;
    });
