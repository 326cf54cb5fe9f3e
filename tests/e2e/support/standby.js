// A hot standby of a cluster of tests/support/postgres: a base backup of it that follows it by streaming, in a home of the same
// form, so that the same tool starts and removes it.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { connect } from './database.js';
import { eventually, freePort, projectDirectory } from './environment.js';
import { runToEnd } from './process.js';

export class Standby {
    static async of(cluster) {
        const standby = new Standby();
        standby.home = mkdtempSync(join(dirname(cluster.home), 'clink-checkout-pg.'));
        try {
            await standby.#backUp(cluster.url);
            standby.port = await freePort();
            writeFileSync(join(standby.home, 'port'), `${standby.port}\n`);
            await standby.start();
        } catch (error) {
            await standby.remove();
            throw error;
        }
        standby.url = new URL(cluster.url);
        standby.url.port = String(standby.port);
        standby.primary = cluster.url;
        return standby;
    }

    /** The same login and database here. */
    urlOf(urlAtPrimary) {
        const url = new URL(urlAtPrimary);
        url.port = String(this.port);
        return url.href;
    }

    start() {
        return this.#tool('start');
    }

    stop() {
        return this.#tool('stop');
    }

    async remove() {
        await runToEnd('postgres-tool', join(projectDirectory, 'tests/support/postgres'), ['remove', this.home]);
    }

    /** From here on it shows the past, until `resume`. */
    async pause() {
        await this.query('select pg_wal_replay_pause()');
        await eventually('replay is paused', async () => (await this.query('select pg_get_wal_replay_pause_state() as state'))[0].state === 'paused');
    }

    async resume() {
        await this.query('select pg_wal_replay_resume()');
    }

    /** Awaits that it has replayed what is committed at its primary by now. */
    async caughtUp() {
        const client = await connect(this.primary.href);
        const { rows: [{ now }] } = await client.query('select pg_current_wal_flush_lsn() as now');
        await client.end();
        const question = 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as there';
        await eventually(`the standby is at ${now}`, async () => (await this.query(question, [now]))[0].there, 60);
    }

    async query(text, values) {
        const client = await connect(this.url.href);
        try {
            return (await client.query(text, values)).rows;
        } finally {
            await client.end();
        }
    }

    /** As root the server's user has to own it, as in deploy/local/postgres.sh. */
    async #backUp({ hostname, port, username, password }) {
        const args = ['-h', hostname, '-p', port, '-U', username, '-D', join(this.home, 'data'), '-R', '-X', 'stream', '-c', 'fast', '-w'];
        await run('pg_basebackup', args, { PGPASSWORD: password });
        if (process.getuid() === 0) await run('chown', ['-R', 'postgres:postgres', this.home]);
    }

    #tool(action) {
        return run(join(projectDirectory, 'tests/support/postgres'), [action, this.home]);
    }
}

async function run(file, args, env) {
    const { code, stderr } = await runToEnd('standby-tool', file, args, env);
    if (code !== 0) throw new Error(`${file} ${args[0]}: ${stderr}`);
}
