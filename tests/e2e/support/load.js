// Customers who go on buying while something is done to the service: each creates a page, is answered the same one again,
// pays or leaves, comes back or does not, and the shop checks every redirect's signature. Whatever is not answered as it
// should be is kept as a failure, with its moment.
import assert from 'node:assert/strict';

import { eventually } from './environment.js';
import { exchange } from './http.js';
import { redirectSignature } from './storefront.js';

export class Load {
    /**
     * `stack` has the twin and the shop, `api` and `finance` are whom the shop asks. `api`, `finance` and `storefrontKeys`,
     * the keys that the shop takes redirects by, may be changed at any time.
     */
    constructor({ stack, api, finance, storefrontKeys, customers = journeys.length }) {
        Object.assign(this, { stack, api, finance, storefrontKeys });
        this.failures = [];
        this.requests = 0;
        this.done = new Map(journeys.map((kind) => [kind, -1])); // when the last one that ended had begun
        this.ended = Promise.all(Array.from({ length: customers }, (_, customer) => this.#shop(customer)));
    }

    /** Awaits that a journey of each kind was begun after now and ended; nothing failed so far. */
    async round(seconds = 120) {
        const now = performance.now();
        const isOver = () => [...this.done.values()].every((begun) => begun > now);
        await eventually('there was a journey of each kind', () => this.failures.length > 0 || isOver(), seconds);
        this.assertNothingFailed();
    }

    async stop() {
        this.stopping = true;
        await this.ended;
        this.assertNothingFailed();
    }

    assertNothingFailed() {
        const first = this.failures.slice(0, 3).map((each) => `\n${JSON.stringify(each, null, 2)}`);
        assert.equal(this.failures.length, 0, `${this.failures.length} of ${this.requests} requests failed, the first:${first}`);
    }

    async #shop(customer) {
        for (let turn = customer; !this.stopping && this.failures.length < 20; turn++) {
            const kind = journeys[turn % journeys.length];
            const begun = performance.now();
            try {
                await this.#journey(kind);
            } catch (error) {
                this.failures.push({ at: new Date().toISOString(), kind: kind.name, error: error.stack ?? String(error) });
            }
            this.done.set(kind, Math.max(begun, this.done.get(kind)));
        }
    }

    async #journey(kind) {
        const terms = this.stack.order();
        const { json: session } = await this.#counted(this.api.create(terms));
        const { json: again } = await this.#counted(this.api.create(terms, { expect: 200 }));
        assert.equal(again.sessionId, session.sessionId);
        await kind(this, session, terms);
        const { json: order } = await this.#counted(this.finance.order(terms.merchantOrderId));
        assert.equal(order.attempts.length, 1);
        assert.deepEqual(order.openDiscrepancies, []);
    }

    async #counted(answer) {
        const got = await answer;
        this.requests++;
        return got;
    }

    /** A browser that is sent somewhere; gives where the service sends it. */
    async visit(address) {
        const { origin, pathname, search } = new URL(address);
        const { status, headers, text } = await this.#counted(exchange(origin, { path: pathname + search, tls: this.api.tls }));
        assert.equal(status, 303, `${pathname}: ${status} ${text.slice(0, 200)}`);
        return new URL(headers.location);
    }

    /** The shop's own page, which believes only what is signed with a key that it was given. */
    land(address, session, status) {
        const given = address.searchParams;
        assert.equal(given.get('sessionId'), session.sessionId);
        assert.equal(given.get('status'), status);
        const signatures = this.storefrontKeys.map((key) => redirectSignature(key, given));
        assert.ok(signatures.includes(given.get('signature')), 'the shop refuses the redirect');
    }

    async settled({ merchantOrderId }) {
        return eventually(`${merchantOrderId} is paid`, async () => {
            const { json } = await this.#counted(this.finance.order(merchantOrderId));
            return json.state === 'paid';
        });
    }
}

async function paysAndComesBack(load, session) {
    const back = await load.stack.twin.payOnPage(session.url);
    load.land(await load.visit(back), session, 'paid');
    await load.settled(session);
}

async function paysAndIsAskedAbout(load, session) {
    await load.stack.twin.pay(session.sessionId);
    const { json } = await load.api.refresh(session.sessionId);
    assert.equal(json.paid, true);
    assert.equal(json.stale, false);
}

/** Nothing but the webhooks tells of it. */
async function paysAndVanishes(load, session) {
    await load.stack.twin.pay(session.sessionId);
    await load.settled(session);
}

async function leaves(load, session, terms) {
    const away = await load.visit(await load.stack.twin.leavePage(session.url));
    assert.equal(away.href, terms.cancelUrl);
    const { json } = await load.api.session(session.sessionId);
    assert.equal(json.paymentStatus, 'unpaid');
}

const journeys = [paysAndComesBack, paysAndIsAskedAbout, paysAndVanishes, leaves];
