// Two worlds, a small and a large one, in one private PostgreSQL with its usual settings but for memory; services on them.
import { spawn } from 'node:child_process';
import http from 'node:http';
import { join } from 'node:path';

import { brokenPromises } from '../../e2e/support/audit.js';
import { asSuperuser, Cluster, Database } from '../../e2e/support/database.js';
import { projectDirectory } from '../../e2e/support/environment.js';
import { Service } from '../../e2e/support/service.js';
import { telling } from './server_log.mjs';

const memory = { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min' };
export class World {
    constructor(name, orders, database) {
        Object.assign(this, { name, orders, database });
    }

    /** One value. */
    async value(text) {
        const [row] = await this.database.query(text);
        return Object.values(row)[0];
    }

    /** A service with few connections, so that each is soon warm. The sweeper is off. */
    async serve(label, clinkUrl, env = {}) {
        const settings = { LOG_LEVEL: 'warning', DATABASE_POOL_SIZE: '2', MAX_IN_FLIGHT: '64', ...env };
        const options = { databaseUrl: this.database.serverUrl, clinkUrl, clinkKey: 'sk_bench_0', redirects: false, env: settings };
        const service = new Service(`${label}-${this.name}`, options);
        await service.start({ awaitReady: false });
        await service.readiness(200, 60);
        return service;
    }

    /** While `work` runs, the plan of every statement of services that are started now is in the server's log. */
    async explained(work) {
        const { role } = this.database.server;
        for (const [name, value] of Object.entries(telling))
            await this.database.query(`alter role ${role} in database ${this.database.name} set ${name} = '${value}'`);
        try {
            return await work();
        } finally {
            await this.database.query(`alter role ${role} in database ${this.database.name} reset all`);
        }
    }
}

export class Worlds {
    static async create({ small, large, seed }) {
        const worlds = new Worlds();
        try {
            worlds.cluster = await Cluster.create();
            await asSuperuser(worlds.cluster.url, async (client) => {
                for (const [name, value] of Object.entries(memory)) await client.query(`alter system set ${name} = '${value}'`);
            });
            await worlds.cluster.stop();
            await worlds.cluster.start();
            await worlds.#startClink();
            worlds.small = await worlds.#fill('small', small, seed);
            for (const each of await brokenPromises(worlds.small.database)) throw new Error(`the world is not sound: ${each}`);
            worlds.large = await worlds.#fill('large', large, seed);
        } catch (error) {
            await worlds.remove();
            throw error;
        }
        return worlds;
    }

    get log() {
        return join(this.cluster.home, 'server.log');
    }

    async remove() {
        for (const world of [this.small, this.large]) await world?.database.disconnect();
        await this.cluster?.remove();
        this.clink?.closeAllConnections();
        this.clink?.close();
    }

    async #fill(name, orders, seed) {
        const database = await Database.create(this.cluster.url);
        await database.migrate();
        const start = Date.now();
        const tool = join(projectDirectory, 'tests/bench/world/fill');
        const child = spawn(tool, ['--orders', String(orders), '--seed', String(seed), database.ownerUrl], { stdio: 'inherit' });
        const code = await new Promise((done, failed) => child.once('error', failed).once('close', done));
        if (code !== 0) throw new Error(`tests/bench/world/fill exited with ${code}`);
        console.log(`${name} world: ${orders} orders in ${((Date.now() - start) / 1000).toFixed(0)} s`);
        return new World(name, orders, database);
    }

    /** Where the services think that Clink is: it answers, and has nothing to say. */
    async #startClink() {
        this.clink = http.createServer((request, response) => {
            request.resume();
            response.writeHead(404, { 'content-type': 'application/json' }).end('{"code":404,"msg":"unknown here","data":null}');
        });
        await new Promise((done) => this.clink.listen(0, '127.0.0.1', done));
        this.clinkUrl = `http://127.0.0.1:${this.clink.address().port}/api`;
    }
}
