// Many clients of one service, in processes of their own: as many processes as their limit of descriptors makes needed.
import { execFileSync, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const member = fileURLToPath(new URL('crowd_member.mjs', import.meta.url));
const ownDescriptors = 100;
const atMostInOne = 5_000;

/** Of every process that is started here; the kernel's answer and not a guess. */
export const descriptorLimit = () => {
    const text = execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).trim();
    return text === 'unlimited' ? Infinity : Number(text);
};

export class Crowd {
    /**
     * `idle` connections that carried a request and now wait, and `slow` clients that come again whenever they are put out.
     * Completes when all idle ones are there. `ca` speaks TLS.
     */
    static async gather(base, { idle, slow, ca }) {
        const crowd = new Crowd();
        const inOne = Math.min(atMostInOne, descriptorLimit() - ownDescriptors);
        const processes = Math.max(1, Math.ceil((idle + slow) / inOne));
        crowd.members = [];
        for (let i = 0; i < processes; i++) {
            const share = (count) => Math.floor(((i + 1) * count) / processes) - Math.floor((i * count) / processes);
            const child = fork(member, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
            crowd.members.push(child);
            child.send({ base, idle: share(idle), slow: share(slow), ca: ca?.toString() });
        }
        await Promise.all(crowd.members.map((child) => saying(child, 'here')));
        return crowd;
    }

    /** `{idle, closed, slow, putOut}`: connections that are open, idle ones that the service closed, slow clients, and answers to them. */
    async count() {
        const counts = await Promise.all(this.members.map((child) => {
            child.send('count');
            return saying(child, 'count');
        }));
        const sum = (name) => counts.reduce((total, each) => total + each[name], 0);
        return { idle: sum('idle'), closed: sum('closed'), slow: sum('slow'), putOut: sum('putOut') };
    }

    /** All leave at once. */
    async leave() {
        await Promise.all(this.members.map((child) => new Promise((done) => {
            child.once('exit', done);
            child.disconnect();
        })));
    }
}

function saying(child, what) {
    return new Promise((done, failed) => {
        const gone = (code) => failed(new Error(`a process of clients ended with ${code}`));
        child.once('exit', gone);
        child.on('message', function hear(message) {
            if (message.what !== what) return;
            child.off('message', hear).off('exit', gone);
            done(message);
        });
    });
}
