// Databases and clusters. A suite gets a database of its own in the shared cluster, with two login roles: one owns it and
// migrates, the other is only a member of checkout_service and serves. A suite that stops PostgreSQL makes its own
// cluster.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

import { artifacts, checkoutBinary, postgresUrl, projectDirectory } from './environment.js';
import { runToEnd } from './process.js';

const groupRoles = ['checkout_service', 'finance_reader'];

export class Database {
    /** A fresh database with its roles; `cluster` is a superuser's URL. Nothing is migrated yet. */
    static async create(cluster = postgresUrl()) {
        const database = new Database();
        const mark = randomBytes(5).toString('hex');
        database.name = `e2e_${mark}`;
        database.cluster = cluster;
        database.owner = { role: `owner_${mark}`, password: randomBytes(12).toString('hex') };
        database.server = { role: `serve_${mark}`, password: randomBytes(12).toString('hex') };
        database.logins = [database.owner, database.server];
        await asSuperuser(cluster, async (client) => {
            for (const login of database.logins) await createLogin(client, login);
            await client.query(`create database ${database.name} owner ${database.owner.role}`);
        });
        return database;
    }

    get secrets() {
        return this.logins.map(({ password }) => password);
    }

    urlOf({ role, password }) {
        const url = new URL(this.cluster);
        url.username = role;
        url.password = password;
        url.pathname = `/${this.name}`;
        return url.href;
    }

    get ownerUrl() {
        return this.urlOf(this.owner);
    }

    get serverUrl() {
        return this.urlOf(this.server);
    }

    get superuserUrl() {
        const url = new URL(this.cluster);
        url.pathname = `/${this.name}`;
        return url.href;
    }

    /** Makes the group roles as an administrator would, migrates as the owner, lets the serving role in. */
    async migrate() {
        await createGroupRoles(this.cluster);
        const result = await runToEnd('migrate', checkoutBinary, ['migrate'], { DATABASE_URL: patient(this.ownerUrl) });
        if (result.code !== 0) throw new Error(`migrate exited with ${result.code}:\n${result.stdout}${result.stderr}`);
        await this.letServe();
        return result;
    }

    async letServe() {
        await this.query(`grant checkout_service to ${this.server.role}`);
    }

    /** One more role that may serve, as while a password is replaced. */
    async addServer() {
        const login = { role: `${this.server.role}_${this.logins.length}`, password: randomBytes(12).toString('hex') };
        await asSuperuser(this.cluster, async (client) => {
            await createLogin(client, login);
            await client.query(`grant checkout_service to ${login.role}`);
        });
        this.logins.push(login);
        return login;
    }

    /** As superuser: the rows. */
    async query(text, values) {
        this.client ??= await connect(this.superuserUrl);
        return (await this.client.query(text, values)).rows;
    }

    /** As superuser, for many questions at once: `query` as here, and `end`. */
    pool(size) {
        const connections = new pg.Pool({ connectionString: this.superuserUrl, max: size });
        connections.on('error', () => {}); // as in connect
        return { query: async (text, values) => (await connections.query(text, values)).rows, end: () => connections.end() };
    }

    async disconnect() {
        await this.client?.end();
        this.client = undefined;
    }

    /** The data as SQL text, kept among the artifacts and returned. */
    async dump(label) {
        const { code, stdout, stderr } = await dumpData(this.superuserUrl);
        if (code !== 0) throw new Error(`pg_dump: ${stderr}`);
        writeFileSync(join(artifacts(), `${label}-${this.name}.dump`), stdout);
        return stdout;
    }

    async drop() {
        await this.disconnect();
        await asSuperuser(this.cluster, async (client) => {
            await client.query(`drop database if exists ${this.name} with (force)`);
            for (const { role } of this.logins) {
                await client.query(`drop owned by ${role}`);
                await client.query(`drop role if exists ${role}`);
            }
        });
    }
}

/** The database's URL for a command that may be started on a machine that has much else to do. */
export function patient(url) {
    const waiting = new URL(url);
    waiting.searchParams.set('connect_timeout', '60');
    return waiting.href;
}

/** A throwaway cluster that a suite may stop and start. */
export class Cluster {
    static async create() {
        const cluster = new Cluster();
        const [home, url] = (await cluster.#tool('create')).trim().split('\n').slice(-2);
        cluster.home = home;
        cluster.url = new URL(url);
        return cluster;
    }

    stop() {
        return this.#tool('stop', this.home);
    }

    /** Stops it without a checkpoint and without a word to its clients. */
    crash() {
        return this.#tool('crash', this.home);
    }

    start() {
        return this.#tool('start', this.home);
    }

    remove() {
        return this.#tool('remove', this.home);
    }

    /** Its processes stand still, while the kernel goes on to answer for their connections; until `thaw`. */
    freeze() {
        this.#signal('SIGSTOP');
    }

    thaw() {
        this.#signal('SIGCONT');
    }

    #signal(name) {
        const [postmaster] = readFileSync(join(this.home, 'data/postmaster.pid'), 'utf8').split('\n');
        const children = execFileSync('ps', ['-o', 'pid=', '--ppid', postmaster], { encoding: 'utf8' }).trim().split(/\s+/);
        for (const pid of [postmaster, ...children]) process.kill(Number(pid), name);
    }

    async #tool(...args) {
        const tool = join(projectDirectory, 'tests/support/postgres');
        const { code, stdout, stderr } = await runToEnd('postgres-tool', tool, args);
        if (code !== 0) throw new Error(`tests/support/postgres ${args[0]}: ${stderr}`);
        return stdout;
    }
}

export async function createGroupRoles(cluster = postgresUrl()) {
    await asSuperuser(cluster, async (client) => {
        for (const role of groupRoles)
            await client.query(`create role ${role} nologin`).catch(ignoring('42710', '23505'));
    });
}

const createLogin = (client, { role, password }) => client.query(`create role ${role} login password '${password}'`);

export async function asSuperuser(cluster, work) {
    const client = await connect(cluster.href);
    try {
        return await work(client);
    } finally {
        await client.end();
    }
}

export async function connect(url) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {}); // a server that goes away shows in the next query
    await client.connect();
    return client;
}

function ignoring(...sqlstates) {
    return (error) => {
        if (!sqlstates.includes(error.code)) throw error;
    };
}

/** pg_dump with the password out of the argument list. */
function dumpData(url) {
    const at = new URL(url);
    return runToEnd('pg_dump', 'pg_dump', ['--data-only', '--dbname', at.pathname.slice(1)], {
        PGHOST: at.hostname,
        PGPORT: at.port,
        PGUSER: at.username,
        PGPASSWORD: at.password,
    });
}
