// The image under test, as podman shows it (tests/image/podman), and a container that runs it as a process of this machine.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const tool = fileURLToPath(new URL('../podman', import.meta.url));

export const image = 'localhost/clink-checkout:dev';

/** Runs podman and gives its standard output; rejects, with its standard error, where it fails. */
export async function podman(...args) {
    return (await run(tool, args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

export async function inspectImage() {
    return JSON.parse(await podman('image', 'inspect', image))[0];
}

/** Gives `work` the directory at which the image's files are to be seen. */
export async function mounted(work) {
    const directory = (await podman('image', 'mount', image)).trim();
    try {
        return await work(directory);
    } finally {
        await podman('image', 'unmount', image);
    }
}

/** The process, as this machine numbers it, of the container that bears the name. */
export async function processOf(container) {
    return JSON.parse(await podman('container', 'inspect', container))[0].State.Pid;
}

/** A field of /proc/PID/status, split at white space. */
export function processStatus(pid, name) {
    const line = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').find((each) => each.startsWith(`${name}:`));
    return line.slice(name.length + 1).trim().split(/\s+/);
}

/** The files that a process has mapped, by their paths in its own root. */
export function mappedFiles(pid) {
    const paths = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').map((line) => line.split(/ +/)[5]);
    return [...new Set(paths.filter((path) => path?.startsWith('/')))].sort();
}
