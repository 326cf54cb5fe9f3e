// The service as it runs beside a PostgreSQL that fails over: two replicas that know both servers, Clink's twin, whose webhooks
// get lost half of the time, and a shop.
import http from 'node:http';

import { Database } from '../e2e/support/database.js';
import { exchange } from '../e2e/support/http.js';
import { Service } from '../e2e/support/service.js';
import { Storefront } from '../e2e/support/storefront.js';
import { Twin } from '../e2e/support/twin.js';
import { plainWebhooks, webhookKey } from '../e2e/support/webhooks.js';

const key = webhookKey();
const env = {
    CLINK_TIMEOUT_MS: '2000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '2,5,10,20', SWEEP_MAX_PER_SECOND: '200',
    DATABASE_POOL_SIZE: '8', LOG_LEVEL: 'warning', CLINK_WEBHOOK_SIGNING_KEY: key,
};

export class World {
    static async start(label, topology) {
        const world = new World();
        world.topology = topology;
        try {
            world.storefront = await Storefront.start();
            world.twin = await Twin.start(label);
            world.database = await Database.create(await topology.primary());
            await world.database.migrate();
            world.replicas = [];
            for (const name of ['a', 'b']) world.replicas.push(await world.#serve(`${label}-${name}`));
            await world.#carryWebhooks();
        } catch (error) {
            await world.stop();
            throw error;
        }
        return world;
    }

    /** The database's URL with every server, as the service is given it. */
    get databaseUrl() {
        const { role, password } = this.database.server;
        const hosts = this.topology.urls.map(({ host }) => host).join(',');
        return `postgresql://${role}:${password}@${hosts}/${this.database.name}?target_session_attrs=read-write`;
    }

    /** The record is read here from now on. */
    async lookAt(url) {
        await this.database.disconnect();
        this.database.cluster = url;
    }

    /** Gives the sentences of what did not end well. */
    async stop() {
        const bad = [];
        for (const service of this.replicas ?? []) {
            const exit = await service.process.stop();
            if (exit.code !== 0) bad.push(`${service.label} ended with ${JSON.stringify(exit)}`);
        }
        this.mail?.closeAllConnections();
        this.mail?.close();
        await this.twin?.process.stop('SIGKILL');
        await this.storefront?.stop();
        await this.database?.disconnect();
        return bad;
    }

    async #serve(label) {
        const options = { databaseUrl: this.databaseUrl, clinkUrl: this.twin.apiBase, clinkKey: this.twin.apiKey, env };
        const service = new Service(label, options);
        await service.start();
        service.pid = service.process.pid;
        return service;
    }

    /** Every second webhook is lost, so that the sweeper has something to find; the rest goes to the replicas in turn. */
    async #carryWebhooks() {
        let turn = 0;
        this.mail = http.createServer(async (request, response) => {
            const chunks = [];
            for await (const chunk of request) chunks.push(chunk);
            turn++;
            if (turn % 2 === 0) return void response.end();
            const names = ['content-type', 'x-clink-timestamp', 'x-clink-signature', 'x-clink-signtype'];
            const headers = Object.fromEntries(names.map((name) => [name, request.headers[name]]));
            const letter = { method: 'POST', path: '/webhooks/clink', headers, body: Buffer.concat(chunks) };
            const answer = await exchange(this.replicas[(turn >> 1) % 2].base, letter).catch(() => undefined);
            response.statusCode = answer?.status ?? 502;
            response.end();
        });
        await new Promise((done) => this.mail.listen(0, '127.0.0.1', done));
        const url = `http://127.0.0.1:${this.mail.address().port}/`;
        await this.twin.settings({ webhooks: { ...plainWebhooks, url, secret: key, retry_scale: 0.01, timeout_ms: 3000 } });
    }
}
