// Everything that a suite needs, started together: database, twin, shop and service, and a client for each role.
import { Client } from './client.js';
import { Contract } from './contract.js';
import { Database } from './database.js';
import { eventually } from './environment.js';
import { recordSecrets, Service } from './service.js';
import { Storefront } from './storefront.js';
import { Twin } from './twin.js';
import { plainWebhooks, webhookKey } from './webhooks.js';

export class Stack {
    /**
     * `env` adds to the service's settings; `redirects` false leaves PUBLIC_BASE_URL unset; `tls` is what clients need
     * where `env` turns TLS on; `twinTls` makes the twin speak TLS; `webhooks` are the twin's settings for them, and have
     * them sent to the service; `prepare(stack)` is called when all but the service is there.
     */
    static async start(label, { env = {}, redirects = true, cluster, tls, twinTls, webhooks, prepare } = {}) {
        const stack = new Stack();
        stack.label = label;
        stack.services = [];
        stack.contract = await Contract.load();
        try {
            stack.storefront = await Storefront.start();
            stack.twin = await Twin.start(label, twinTls);
            stack.database = await Database.create(cluster);
            await stack.database.migrate();
            if (webhooks) env = { CLINK_WEBHOOK_SIGNING_KEY: webhookKey(), ...env };
            await prepare?.(stack);
            stack.service = await stack.serve(label, { env, redirects, tls });
            if (webhooks) await stack.webhooks(webhooks);
        } catch (error) {
            await stack.abandon();
            throw error;
        }
        stack.api = new Client(stack.contract, stack.service, stack.service.tokens.storefront);
        stack.finance = stack.api.as(stack.service.tokens.finance);
        return stack;
    }

    /** One more replica on the same database and twin, with tokens of its own or `like` another's. */
    async serve(label, { env = {}, redirects = true, tls, like } = {}) {
        const options = {
            databaseUrl: this.database.serverUrl,
            clinkUrl: this.twin.apiBase,
            clinkKey: this.twin.apiKey,
            redirects,
            env,
            tls,
            like,
        };
        const service = new Service(label, options);
        this.services.push(service);
        await service.start();
        return service;
    }

    /** How the twin makes and sends webhooks from now on: as at first, but for `changes`. */
    webhooks(changes = {}) {
        const [secret] = this.service.webhookKeys;
        const url = `${this.service.base}/webhooks/clink`;
        return this.twin.settings({ webhooks: { ...plainWebhooks, url, secret, ...changes } });
    }

    clientOf(service) {
        return new Client(this.contract, service, service.tokens.storefront);
    }

    order(changes) {
        return this.storefront.order(changes);
    }

    /** Awaits the order in `state` and gives it as finance sees it. */
    settled(merchantOrderId, state, seconds) {
        return eventually(
            `${merchantOrderId} is ${state}`,
            async () => {
                const { json } = await this.finance.order(merchantOrderId);
                return json.state === state && json;
            },
            seconds,
        );
    }

    /** Discrepancies, open ones unless said otherwise, that name `about`: an order, a session, an event. */
    async discrepancies(about, { kind, state = 'open' } = {}) {
        const found = [];
        let query = { state, limit: '1000', ...(kind && { kind }) };
        do {
            const { json } = await this.finance.discrepancies(query);
            found.push(...json.items);
            query = json.nextCursor && { ...query, cursor: json.nextCursor };
        } while (query);
        return found.filter((each) => JSON.stringify(each).includes(about));
    }

    /** Awaits a discrepancy of a kind about something. */
    discrepancy(about, kind, state = 'open', seconds = undefined) {
        return eventually(
            `${kind} about ${about} is ${state}`,
            async () => (await this.discrepancies(about, { kind, state }))[0],
            seconds,
        );
    }

    /** Stops everything and keeps what the later checks read. Throws if a service did not drain in good order. */
    async close() {
        const bad = [];
        for (const service of this.services) {
            const exit = await service.stop();
            if (exit && exit.code !== 0 && !service.mayEndBadly) bad.push([service.label, exit]);
        }
        recordSecrets([
            ...this.services.flatMap((service) => service.secrets),
            ...this.database.secrets,
            ...(await this.twin.secrets()),
        ]);
        await this.database.dump(this.label);
        await this.abandon();
        if (bad.length > 0) throw new Error(`a service did not end well: ${JSON.stringify(bad)}`);
    }

    async abandon() {
        for (const service of this.services) await service.process?.stop('SIGKILL');
        await this.twin?.stop();
        await this.storefront?.stop();
        await this.database?.drop();
    }
}
