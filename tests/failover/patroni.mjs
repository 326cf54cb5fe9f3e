// Two PostgreSQL servers under Patroni, with one etcd: who is primary is decided there.
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

import { connect } from '../e2e/support/database.js';
import { eventually, freePort } from '../e2e/support/environment.js';
import { exchange } from '../e2e/support/http.js';
import { Machine } from './machine.mjs';
import { runAsServer, serverPrograms, startAsServer } from './processes.mjs';

const scope = 'checkout';
/** Patroni's own values, and quicker ones: what a failover takes is mostly `ttl`. */
export const defaultPace = { ttl: 30, loop_wait: 10, retry_timeout: 10 };
export const quickPace = { ttl: 8, loop_wait: 1, retry_timeout: 3 };
/** The watchdog's time is half of `ttl`: sure to be over before another takes the lead, wherever in its cycle Patroni stood still. */
const surelyBefore = -1;

export class Patroni {
    /** With `fenced`, a watchdog resets a machine whose Patroni stood still, as it does in production. */
    static async start({ synchronous, pace = quickPace, fenced = true }) {
        const cluster = new Patroni();
        cluster.pace = pace;
        cluster.fenced = fenced;
        cluster.synchronous = synchronous;
        cluster.home = mkdtempSync('/tmp/clink-checkout-patroni.');
        cluster.passwords = Object.fromEntries(['superuser', 'replication', 'rewind'].map((each) => [each, randomBytes(12).toString('hex')]));
        try {
            await cluster.#startEtcd();
            cluster.nodes = [await cluster.#makeNode('n1'), await cluster.#makeNode('n2')];
            cluster.#give();
            for (const node of cluster.nodes) node.boot();
            await cluster.healthy(180);
        } catch (error) {
            await cluster.remove();
            throw error;
        }
        return cluster;
    }

    /** Superusers' URLs, in the order in which a client tries them: the first leader's first. */
    get urls() {
        return this.nodes.map(({ url }) => url);
    }

    async primary() {
        return (await this.leader()).url;
    }

    /** Awaits a leader and a replica that follows it, synchronously where that is wanted. */
    async healthy(seconds) {
        const wanted = this.synchronous ? ['sync_standby'] : ['replica'];
        await eventually(`a leader and its ${wanted}`, async () => {
            const members = await this.members();
            const follows = members.some(({ role, state }) => wanted.includes(role) && ['running', 'streaming'].includes(state));
            return follows && members.some(({ role, state }) => role === 'leader' && state === 'running');
        }, seconds);
        const leader = await this.leader();
        this.nodes.sort((a, b) => (a === leader ? -1 : b === leader ? 1 : 0));
    }

    /** As the first node that answers sees them. */
    async members() {
        for (const { api } of this.nodes) {
            const answer = await withTimeout(exchange(api, { path: '/cluster' }), 1000).catch(() => undefined);
            if (answer?.status === 200) return JSON.parse(answer.text).members;
        }
        return [];
    }

    async killLeader() {
        (await this.leader()).powerOff();
    }

    async switchover() {
        const leader = await this.leader();
        const other = this.nodes.find((node) => node !== leader);
        const order = ['switchover', scope, '--leader', leader.name, '--candidate', other.name, '--force'];
        await runAsServer('patronictl', this.home, ['patronictl', '-c', leader.configuration, ...order]);
    }

    async remove() {
        await Promise.all((this.nodes ?? []).map((node) => node.remove()));
        await this.etcd?.stop('SIGTERM', 10);
        rmSync(this.home, { recursive: true, force: true });
    }

    /** The machine that leads by the cluster's own word. */
    async leader() {
        const leader = (await this.members()).find(({ role }) => role === 'leader');
        if (!leader) throw new Error('there is no leader');
        return this.nodes.find(({ name }) => name === leader.name);
    }

    async #startEtcd() {
        const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
        this.etcdUrl = client;
        this.#give();
        const args = [
            '--data-dir', join(this.home, 'etcd'), '--listen-client-urls', client, '--advertise-client-urls', client,
            '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`, '--unsafe-no-fsync',
        ];
        this.etcd = startAsServer('etcd', this.home, ['etcd', ...args]);
        await eventually('etcd answers', async () => {
            if (this.etcd.exit) throw new Error(`etcd ended: ${this.etcd.stderr}`);
            return (await exchange(client, { path: '/health' }).catch(() => undefined))?.status === 200;
        });
    }

    async #makeNode(name) {
        const [api, port] = [await freePort(), await freePort()];
        const node = new Machine(this.home, name, this.fenced);
        const watchdog = { mode: 'required', driver: 'testing', device: node.device, safety_margin: surelyBefore };
        const account = (username) => ({ username, password: this.passwords[username] });
        const settings = {
            scope, name,
            restapi: { listen: `127.0.0.1:${api}`, connect_address: `127.0.0.1:${api}` },
            etcd3: { host: new URL(this.etcdUrl).host },
            bootstrap: {
                dcs: {
                    ...this.pace, synchronous_mode: this.synchronous, maximum_lag_on_failover: 64 * 1024 * 1024,
                    postgresql: {
                        use_pg_rewind: true, use_slots: true,
                        parameters: { wal_log_hints: 'on', fsync: 'off', max_connections: 100, max_wal_senders: 10 },
                    },
                },
                initdb: [{ encoding: 'UTF8' }, 'data-checksums', { locale: 'C.UTF-8' }],
                pg_hba: ['host replication replication 127.0.0.1/32 scram-sha-256', 'host all all 127.0.0.1/32 scram-sha-256'],
            },
            postgresql: {
                listen: `127.0.0.1:${port}`, connect_address: `127.0.0.1:${port}`, data_dir: node.data, bin_dir: serverPrograms(),
                pgpass: join(this.home, `${name}.pgpass`),
                authentication: { superuser: account('superuser'), replication: account('replication'), rewind: account('rewind') },
                parameters: { unix_socket_directories: this.home }, basebackup: [{ checkpoint: 'fast' }],
            },
            watchdog: this.fenced ? watchdog : { mode: 'off' },
        };
        writeFileSync(node.configuration, JSON.stringify(settings, null, 2), { mode: 0o600 }); // JSON is YAML
        node.url = new URL(`postgresql://superuser:${this.passwords.superuser}@127.0.0.1:${port}/postgres`);
        node.api = `http://127.0.0.1:${api}`;
        return node;
    }

    /** What is in its home belongs to the server's user. */
    #give() {
        mkdirSync(this.home, { recursive: true });
        if (process.getuid() === 0) execFileSync('chown', ['-R', 'postgres:postgres', this.home]);
    }
}

function withTimeout(promise, ms) {
    let timer;
    const late = new Promise((_, failed) => {
        timer = setTimeout(() => failed(new Error(`no answer within ${ms} ms`)), ms);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Whether a server is reachable and a primary. */
export async function isPrimary(url) {
    const client = await withTimeout(connect(url.href), 1000).catch(() => undefined);
    if (!client) return false;
    try {
        const { rows } = await withTimeout(client.query('select not pg_is_in_recovery() as is'), 1000);
        return rows[0].is;
    } catch {
        return false;
    } finally {
        client.end().catch(() => {});
    }
}
