// A primary and a hot standby that follows it by streaming, with nobody who watches over them: whoever operates them promotes.
import { join } from 'node:path';

import { Cluster, connect } from '../e2e/support/database.js';
import { eventually } from '../e2e/support/environment.js';
import { Standby } from '../e2e/support/standby.js';
import { freeze, postmasterOf, signalAll, treeOf } from './processes.mjs';

export class Pair {
    static async start({ synchronous }) {
        const pair = new Pair();
        pair.cluster = await Cluster.create();
        try {
            pair.standby = await Standby.of(pair.cluster);
            // Only now, so that the standby's copy of the settings waits for nobody once it is promoted.
            if (synchronous) await pair.setStandbyNames('*');
        } catch (error) {
            await pair.remove();
            throw error;
        }
        return pair;
    }

    /** Superusers' URLs: first the primary's. */
    get urls() {
        return [this.cluster.url, this.standby.url];
    }

    async primary() {
        return this.cluster.url;
    }

    async setStandbyNames(names) {
        await this.#ask(this.cluster.url, `alter system set synchronous_standby_names = '${names}'`);
        await this.#ask(this.cluster.url, 'select pg_reload_conf()');
        if (names === '') return;
        const question = "select 1 from pg_stat_replication where sync_state = 'sync'";
        await eventually('the standby is synchronous', async () => (await this.#ask(this.cluster.url, question)).length > 0);
    }

    /** The primary's machine is gone, all of a sudden. */
    killPrimary() {
        signalAll(freeze([postmasterOf(join(this.cluster.home, 'data'))]), 'SIGKILL');
    }

    killStandby() {
        signalAll(freeze([postmasterOf(join(this.standby.home, 'data'))]), 'SIGKILL');
    }

    async promote() {
        await this.standby.query('select pg_promote(true, 60)');
        return this.standby.url;
    }

    /** From here on nothing more reaches the standby, though it stays connected. */
    async holdReplication() {
        const [{ pid }] = await this.#ask(this.cluster.url, 'select pid from pg_stat_replication');
        signalAll(treeOf(pid), 'SIGSTOP');
    }

    async remove() {
        await this.standby?.remove();
        await this.cluster?.remove();
    }

    async #ask(url, text) {
        const client = await connect(url.href);
        try {
            return (await client.query(text)).rows;
        } finally {
            await client.end();
        }
    }
}
