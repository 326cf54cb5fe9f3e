// Processes of PostgreSQL's own user, and whole trees of them: a machine that dies takes all of its processes at once, one that
// hangs stops them all.
import { readdirSync, readFileSync } from 'node:fs';

import { ChildProcess, runToEnd } from '../e2e/support/process.js';

const isRoot = process.getuid() === 0;
const asServer = (args) => (isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', ...args] : args);

/** Where Debian keeps the programs of the newest PostgreSQL that is installed. */
export function serverPrograms() {
    const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(a) - Number(b));
    return `/usr/lib/postgresql/${versions.at(-1)}/bin`;
}

const environment = (home) => ({ PATH: `${serverPrograms()}:/usr/sbin:/usr/bin:/bin`, LC_ALL: 'C.UTF-8', HOME: home });

/** A program in the background. */
export function startAsServer(label, home, args) {
    const [file, ...rest] = asServer(args);
    return new ChildProcess(label, file, rest, environment(home));
}

/** A program to its end: what it wrote. */
export async function runAsServer(label, home, args) {
    const [file, ...rest] = asServer(args);
    const { code, stdout, stderr } = await runToEnd(label, file, rest, environment(home));
    if (code !== 0) throw new Error(`${args[0]}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
}

/** The server's first process, by the file that it keeps in its data directory. */
export const postmasterOf = (data) => Number(readFileSync(`${data}/postmaster.pid`, 'utf8').split('\n')[0]);

/** A process and all that came of it. */
export function treeOf(pid) {
    const parents = new Map();
    for (const entry of readdirSync('/proc')) {
        if (!/^\d+$/.test(entry)) continue;
        try {
            const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
            parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
        } catch (error) {
            if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error; // it ended meanwhile
        }
    }
    const tree = [pid];
    for (let i = 0; i < tree.length; i++)
        for (const [child, parent] of parents) if (parent === tree[i]) tree.push(child);
    return tree;
}

/** Sends a signal to each that is still there. */
export function signalAll(pids, signal) {
    for (const pid of pids) {
        try {
            process.kill(pid, signal);
        } catch (error) {
            if (error.code !== 'ESRCH') throw error;
        }
    }
}

/** Stops trees from their roots on, until nothing new comes of them; gives all their processes, to be gone on with. */
export function freeze(roots) {
    const stopped = new Set();
    for (let before = -1; before !== stopped.size;) {
        before = stopped.size;
        for (const pid of roots.flatMap(treeOf)) {
            if (!stopped.has(pid)) signalAll([pid], 'SIGSTOP');
            stopped.add(pid);
        }
    }
    return [...stopped];
}
