// Customers under way: each takes an order to a page, reads it back, mostly pays, and half of those come back. What the service
// acknowledged is written down, and how and when it answered.
import { parsed } from '../e2e/support/client.js';
import { exchange } from '../e2e/support/http.js';

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const retryMs = 50;
/** A customer who still has no page so long after the shop closed gives up. */
const patienceMs = 40_000;

export class Load {
    constructor({ replicas, twin, storefront }) {
        Object.assign(this, { replicas, twin, storefront });
        this.answers = []; // {replica, kind, began, ended, status, code}
        this.sessions = new Map(); // session id -> {merchantOrderId, url, at}, as handed out
        this.paid = new Map(); // session id -> when a refresh first said that it is paid
        this.gaveUp = 0;
    }

    start(customers) {
        this.isOpen = true;
        this.customers = Array.from({ length: customers }, (_, i) => this.#customer(i));
    }

    async stop() {
        this.isOpen = false;
        this.closedAt = performance.now();
        await Promise.all(this.customers);
    }

    async #customer(number) {
        const replica = number % this.replicas.length;
        await pause(number * 10);
        for (let turn = number; this.isOpen; turn++) {
            await this.#shop(replica, turn);
            await pause(40);
        }
    }

    async #shop(replica, turn) {
        const terms = this.storefront.order();
        const body = JSON.stringify(terms);
        const page = await this.#insist(replica, 'create', 'POST', '/v1/checkout-sessions', body);
        if (!page) return;
        const { sessionId, url } = page;
        if (!this.sessions.has(sessionId)) this.sessions.set(sessionId, { merchantOrderId: terms.merchantOrderId, url, at: Date.now() });
        await this.#ask(replica, 'read', 'GET', `/v1/orders/${terms.merchantOrderId}`);
        if (turn % 4 === 0) return; // the page is left open
        await this.twin.act(sessionId, 'pay');
        if (turn % 2 === 0) return; // the customer does not come back
        const known = await this.#insist(replica, 'refresh', 'POST', `/v1/checkout-sessions/${sessionId}/refresh`);
        if (known?.paid) this.paid.set(sessionId, Date.now());
    }

    /** Sends the same request until it is answered for good, as a storefront does. */
    async #insist(replica, kind, method, path, body) {
        while (this.isOpen || performance.now() < this.closedAt + patienceMs) {
            const answer = await this.#ask(replica, kind, method, path, body);
            if (answer?.status === 200 || answer?.status === 201) return answer.json;
            if (answer?.status === 404) return undefined; // a record that was lost
            await pause(retryMs);
        }
        this.gaveUp++;
        return undefined;
    }

    async #ask(replica, kind, method, path, body) {
        const service = this.replicas[replica];
        const headers = { authorization: `Bearer ${service.tokens.all}`, ...(body && { 'content-type': 'application/json' }) };
        const began = performance.now();
        const answer = await exchange(service.base, { method, path, headers, body }).then(parsed).catch((error) => ({ error }));
        const { status, json, error } = answer;
        this.answers.push({ replica, kind, began, ended: performance.now(), status, code: json?.code ?? error?.code });
        return error ? undefined : answer;
    }
}
