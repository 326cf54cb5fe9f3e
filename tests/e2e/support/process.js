// A child process whose output is kept, and which never outlives the test file.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

import { artifacts } from './environment.js';

const running = new Set();
process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
});

let started = 0;

export class ChildProcess {
    /** `label` names the log file among the artifacts. The environment is exactly `env` and a PATH. */
    constructor(label, file, args, env = {}) {
        this.stdout = '';
        this.stderr = '';
        this.logFile = join(artifacts(), `${label}-${process.pid}-${++started}.log`);
        this.child = spawn(file, args, {
            env: { PATH: process.env.PATH, ...sanitizerOptions(), ...env },
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        running.add(this.child);
        for (const stream of ['stdout', 'stderr']) {
            this.child[stream].setEncoding('utf8').on('data', (text) => {
                this[stream] += text;
                appendFileSync(this.logFile, text);
            });
        }
        this.exited = new Promise((done, failed) => {
            this.child.once('error', (error) => {
                this.stderr += error.message;
                failed(error);
            });
            this.child.once('close', (code, signal) => {
                running.delete(this.child);
                this.exit = { code, signal };
                done(this.exit);
            });
        });
        this.exited.catch(() => {});
    }

    get pid() {
        return this.child.pid;
    }

    signal(name) {
        this.child.kill(name);
    }

    /** Ends it and gives `{code, signal}`; SIGKILL after `seconds`. */
    async stop(name = 'SIGTERM', seconds = 40) {
        if (this.exit) return this.exit;
        this.child.kill(name);
        const hammer = setTimeout(() => this.child.kill('SIGKILL'), seconds * 1000);
        try {
            return await this.exited;
        } finally {
            clearTimeout(hammer);
        }
    }

    /** The JSON lines of standard error, parsed; a line that is no JSON is an error of the program. */
    logLines() {
        return this.stderr
            .split('\n')
            .slice(0, -1)
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line));
    }
}

/** Runs a command to its end: `{code, signal, stdout, stderr}`. */
export async function runToEnd(label, file, args, env) {
    const child = new ChildProcess(label, file, args, env);
    const exit = await child.exited;
    return { ...exit, stdout: child.stdout, stderr: child.stderr };
}

function sanitizerOptions() {
    return Object.fromEntries(
        ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS', 'TZ']
            .filter((name) => process.env[name] !== undefined)
            .map((name) => [name, process.env[name]]),
    );
}
