// The service behind pgbouncer, in session mode and in transaction mode: what works there, and what each refuses. See README.md.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { runCommand } from '../e2e/support/command.js';
import { Cluster, connect } from '../e2e/support/database.js';
import { eventually, freePort } from '../e2e/support/environment.js';
import { failuresOf } from './figures.mjs';
import { Load } from './load.mjs';
import { startAsServer } from './processes.mjs';
import { World } from './world.mjs';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const loadMs = 8000;

/** One server behind one pgbouncer, which looks passwords up there. */
class Pooled {
    static async start(mode) {
        const pooled = new Pooled();
        pooled.cluster = await Cluster.create();
        pooled.home = mkdtempSync('/tmp/clink-checkout-pgbouncer.');
        try {
            await pooled.#startPooler(mode);
        } catch (error) {
            await pooled.remove();
            throw error;
        }
        return pooled;
    }

    async primary() {
        return this.cluster.url;
    }

    /** What the service is told. */
    get urls() {
        return [this.url];
    }

    async remove() {
        await this.pooler?.stop('SIGTERM', 10);
        rmSync(this.home, { recursive: true, force: true });
        await this.cluster.remove();
    }

    async #startPooler(mode) {
        const { username, password, port } = this.cluster.url;
        this.url = new URL(this.cluster.url);
        this.url.port = String(await freePort());
        const users = join(this.home, 'users.txt');
        writeFileSync(users, `"${username}" "${password}"\n`, { mode: 0o600 });
        const settings = join(this.home, 'pgbouncer.ini');
        const lines = [
            '[databases]', `* = host=127.0.0.1 port=${port} auth_user=${username}`, '[pgbouncer]', 'listen_addr = 127.0.0.1',
            `listen_port = ${this.url.port}`, `unix_socket_dir = ${this.home}`, 'auth_type = scram-sha-256', `auth_file = ${users}`,
            `pool_mode = ${mode}`, 'max_client_conn = 200', 'default_pool_size = 60', 'log_connections = 0', 'log_disconnections = 0',
        ];
        writeFileSync(settings, `${lines.join('\n')}\n`);
        if (process.getuid() === 0) execFileSync('chown', ['-R', 'postgres:postgres', this.home]);
        this.pooler = startAsServer('pgbouncer', this.home, ['pgbouncer', settings]);
        await eventually('pgbouncer answers', async () => {
            const client = await connect(this.url.href).catch(() => undefined);
            await client?.end();
            return client !== undefined;
        });
    }
}

async function tryMode(mode) {
    const pooled = await Pooled.start(mode);
    let world;
    try {
        const started = await World.start(`pgbouncer-${mode}`, pooled).catch((error) => ({ error }));
        if (started.error) return { mode, started: started.error.message.split('\n')[0] };
        world = started;
        const load = new Load(world);
        load.start(8);
        await pause(loadMs);
        const good = load.answers.filter(({ kind, status }) => kind === 'create' && status === 201).length;
        load.closedAt = performance.now() - 60_000; // nobody insists
        load.isOpen = false;
        await Promise.all(load.customers);
        const logged = world.replicas.flatMap(({ process: child }) => child.logLines());
        return {
            mode, creates: good, failures: failuresOf(load.answers, 0), migrate: await migrateThrough(world),
            reasons: countedBy(logged.filter(({ level }) => level !== 'info'), ({ event, detail }) => `${event}: ${firstLine(detail)}`),
            listening: await listening(world), advisory: await heldLocks(world),
        };
    } finally {
        await world?.stop();
        await pooled.remove();
    }
}

const firstLine = (text) => String(text ?? '').split('\n')[0].replace(/[0-9a-f]{8,}/g, '…');

function countedBy(list, name) {
    const counts = {};
    for (const each of list) counts[name(each)] = (counts[name(each)] ?? 0) + 1;
    return counts;
}

/** `clink-checkout migrate` again, through the pooler. */
async function migrateThrough({ database, topology }) {
    const url = new URL(database.ownerUrl);
    url.port = topology.url.port;
    const { code, stderr, stdout } = await runCommand(['migrate'], { DATABASE_URL: url.href });
    return { code, said: firstLine(stderr || stdout) };
}

/** Backends whose last statement was LISTEN. */
async function listening({ database }) {
    const [{ n }] = await database.query("select count(*)::int as n from pg_stat_activity where query ilike 'listen%' and datname = current_database()");
    return n;
}

async function heldLocks({ database }) {
    const [{ n }] = await database.query("select count(*)::int as n from pg_locks where locktype = 'advisory'");
    return n;
}

const results = [];
for (const mode of ['session', 'transaction']) results.push(await tryMode(mode));
console.log(JSON.stringify(results, null, 2));
const [session] = results;
const good = session.creates > 0 && Object.keys(session.failures).length === 0 && session.migrate.code === 0;
process.exitCode = good ? 0 : 1;
