// Replicas of one service behind a balancer, restarted one by one as a Deployment does it: the new one is ready before the
// old one is told to end, and the old one goes on accepting until the balancer has noticed.
import { Balancer } from './balancer.js';
import { Client } from './client.js';
import { Stack } from './stack.js';
import { plainWebhooks, webhookKey } from './webhooks.js';

const draining = { DRAIN_DELAY_SECONDS: '1' };

export class Fleet {
    /**
     * Two replicas with the same `env`, whose customers and webhooks come through the balancer; `prepare(stack)` is called
     * before the first of them starts.
     */
    static async start(label, { env, prepare }) {
        const fleet = new Fleet();
        fleet.label = label;
        fleet.balancer = await Balancer.start();
        try {
            const secret = webhookKey();
            fleet.env = { ...draining, PUBLIC_BASE_URL: fleet.balancer.base, CLINK_WEBHOOK_SIGNING_KEY: secret, ...env };
            fleet.stack = await Stack.start(label, { env: fleet.env, prepare });
            fleet.replicas = [fleet.stack.service];
            await fleet.balancer.add(fleet.stack.service);
            await fleet.#grow(fleet.stack.service);
            await fleet.webhooks({ secret });
        } catch (error) {
            await fleet.close();
            throw error;
        }
        const { tokens } = fleet.stack.service;
        const front = { base: fleet.balancer.base, label, tokens };
        fleet.api = new Client(fleet.stack.contract, front, tokens.storefront);
        fleet.finance = fleet.api.as(tokens.finance);
        return fleet;
    }

    /** What a Load needs to know of it, but for the shop's keys. */
    shop() {
        return { stack: this.stack, api: this.api, finance: this.finance };
    }

    /** Restarts one replica after the other. */
    async roll() {
        for (const old of [...this.replicas]) await this.#replace(old);
    }

    /** Restarts the first of the replicas only: the fleet is then of two minds. */
    async rollHalf() {
        await this.#replace(this.replicas[0]);
    }

    /** How the twin makes webhooks from now on; they come through the balancer. */
    webhooks(changes) {
        const url = `${this.balancer.base}/webhooks/clink`;
        return this.stack.twin.settings({ webhooks: { ...plainWebhooks, url, ...changes } });
    }

    async close() {
        try {
            await this.stack?.close();
        } finally {
            await this.balancer.stop();
        }
    }

    async #grow(like) {
        const fresh = await this.stack.serve(`${this.label}-${this.stack.services.length + 1}`, { env: this.env, like });
        await this.balancer.add(fresh);
        this.replicas.push(fresh);
    }

    async #replace(old) {
        await this.#grow(old);
        await old.stop('SIGTERM'); // that it ended well is seen to by the stack
        await this.balancer.remove(old);
        this.replicas.splice(this.replicas.indexOf(old), 1);
    }
}

/** The end of a test with a fleet: the load on it first. What is missing was not reached. */
export async function closeAll({ load, fleet, volume }) {
    try {
        await load?.stop();
    } finally {
        await fleet?.close();
        volume?.remove();
    }
}
