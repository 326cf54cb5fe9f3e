// The process ends at every named point (service/observe/crash_point.h), is started again, and comes to the end that it
// would have come to: nothing handed out is lost, no second page is sold, no payment is unknown or counted twice.
import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { brokenPromises, doublySold, unknownPayments } from './support/audit.js';
import { crashBinary, eventually } from './support/environment.js';
import { Stack } from './support/stack.js';

accessSync(crashBinary, constants.X_OK);

const env = { CLINK_TIMEOUT_MS: '2000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '1,2,3' };
const asleep = { SWEEP_INTERVAL_SECONDS: '0' };
const leaseSeconds = 2 + 5;
const patience = 30;
const beyondSchedule = "now() + interval '4 seconds'";
const crashStatus = 137;

/** A stack of a group of tests, which run one after the other and each leave nothing to do behind. */
class Crashing {
    static async start(label, options = {}) {
        const group = new Crashing();
        group.stack = await Stack.start(`crash-${label}`, { ...options, env: { ...env, ...options.env } });
        return group;
    }

    get api() {
        return this.stack.api;
    }

    /** From now on the service ends when it passes `point`. */
    async arm(point, { settings = asleep, awaitReady = true } = {}) {
        await this.stack.service.stop();
        const armed = { ...settings, CHECKOUT_CRASH_AT: point };
        await this.stack.service.start({ binary: crashBinary, env: armed, awaitReady });
    }

    /** Awaits the end at the armed point. */
    async ended() {
        const { process } = this.stack.service;
        await eventually('the process has ended at its point', () => process.exit, patience);
        assert.deepEqual(process.exit, { code: crashStatus, signal: null }, process.stderr);
    }

    /** Awaits the end at the armed point and starts the service itself, by default with its sweeper. */
    async revive(settings = {}) {
        await this.ended();
        await this.stack.service.start({ env: settings });
    }

    /** A request that nobody answers any more. */
    async unanswered(request) {
        const outcome = await request.catch((error) => error);
        assert.equal(outcome.code, 'ECONNRESET', `${outcome.status ?? outcome}`);
    }

    create(terms, expect) {
        return this.api.create(terms, { expect });
    }

    async created(changes) {
        const terms = this.stack.order(changes);
        return { terms, session: (await this.api.create(terms)).json };
    }

    async order({ merchantOrderId }) {
        return (await this.stack.finance.order(merchantOrderId)).json;
    }

    async statuses(of) {
        return (await this.order(of)).attempts.map(({ status }) => status);
    }

    /** Awaits the statuses of an order's attempts. */
    becomes(of, wanted) {
        const seen = async () => JSON.stringify(await this.statuses(of)) === JSON.stringify(wanted);
        return eventually(`the attempts are ${wanted}`, seen, leaseSeconds + patience);
    }

    sessions({ merchantOrderId }) {
        return this.stack.twin.sessions(merchantOrderId);
    }

    /** Attempts being created have a lease of `seconds` from now on, and are looked at when it is over. */
    async lease(seconds) {
        await this.stack.database.query(
            `update checkout.sessions set lease_until = now() + $1 * interval '1 second', next_check_at = now() + $1 * interval '1 second'
             where status = 'creating'`, [seconds]);
    }

    /** What is watched is due now. */
    async due() {
        await this.stack.database.query('update checkout.sessions set next_check_at = now() where next_check_at is not null');
    }

    /** Sessions of finished tests are not asked about again, so that the next one's are what is claimed. */
    async forget() {
        await this.stack.database.query('update checkout.sessions set next_check_at = null');
    }

    /** What a process had claimed when it ended is due again, as it is when the claim is over. */
    async endClaims() {
        for (const [table, column] of [['sessions', 'next_check_at'], ['refunds', 'next_check_at'], ['webhooks', 'next_try_at']])
            await this.stack.database.query(`update checkout.${table} set ${column} = now() where ${column} > ${beyondSchedule}`);
    }

    /** Whatever Clink still has to deliver is delivered, and everything in the inbox has been handled. */
    async inboxWorkedOff() {
        const open = "select 1 from checkout.webhooks where state = 'received' limit 1";
        await eventually('every webhook is delivered', async () =>
            (await this.stack.twin.flush()).every(({ state }) => state === 'delivered' || state === 'dropped'));
        await this.endClaims();
        await eventually('the inbox is worked off', async () => (await this.stack.database.query(open)).length === 0, patience);
    }

    /** The order is paid by one payment, and so it is at Clink. */
    async paidOnce(terms, discrepancies = []) {
        const order = await this.stack.settled(terms.merchantOrderId, 'paid', patience);
        assert.equal(order.payments.length, 1);
        assert.equal(order.payments[0].verdict, 'exact');
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), discrepancies);
        const events = await this.api.events(terms.merchantOrderId);
        assert.equal(events.filter(({ kind }) => kind === 'payment_recorded').length, 1);
        await this.create(terms, [409, 'order_already_paid']);
        await this.sound();
        return order;
    }

    /** The order can be sold: its page is paid, and that is all that anybody will find. */
    async sells(terms, session) {
        await this.stack.twin.pay(session.sessionId);
        assert.equal((await this.api.refresh(session.sessionId)).json.paid, true);
        return this.paidOnce(terms);
    }

    async sound() {
        const { database, twin } = this.stack;
        assert.deepEqual(await brokenPromises(database), []);
        assert.deepEqual(await doublySold(database, await twin.control('GET', 'sessions')), []);
        assert.deepEqual(await unknownPayments(database, await twin.control('GET', 'orders')), []);
    }

    close() {
        return this.stack?.close();
    }
}

const groups = [];

/** Tests, one after the other, with a stack of their own; groups run beside each other. */
function group(label, options, define) {
    groups.push(() =>
        describe(label, { concurrency: 1 }, () => {
            const holder = {};
            before(async () => (holder.group = await Crashing.start(label.replace(/\W+/g, '-'), options)));
            after(() => holder.group?.close());
            define(holder);
        }),
    );
}

/** Requests that begin an attempt, with what was there before: `prepared` gives terms to send and the attempts' statuses. */
const creates = {
    first: async (g) => ({ terms: g.stack.order(), earlier: [] }),
    next: async (g) => {
        const terms = g.stack.order();
        await g.stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'business_error' });
        await g.create(terms, [502, 'clink_rejected']);
        return { terms, earlier: ['refused'] };
    },
    supersede: async (g) => {
        const { terms: old, session } = await g.created();
        const terms = { ...old, successUrl: g.stack.storefront.url('/other'), supersede: true };
        return { terms, earlier: ['open'], replaced: { terms: old, session } };
    },
};

for (const [which, prepared] of Object.entries(creates))
    group(`a create (${which}) that ends`, {}, (of) => {
        const stillSold = async (replaced) => {
            if (!replaced) return;
            const { json } = await of.group.create(replaced.terms, 200);
            assert.deepEqual(json, replaced.session);
        };

        /** Arms, sends the request into its end and gives what the revived service is asked about. */
        async function ended(point, faults = []) {
            const g = of.group;
            const prior = await prepared(g);
            await g.arm(point);
            const match = prior.terms.merchantOrderId;
            for (const fault of faults) await g.stack.twin.fault({ operation: 'create', match, ...fault });
            await g.unanswered(g.create(prior.terms));
            await g.revive();
            return prior;
        }

        async function soldAfterLease({ terms, earlier, replaced }) {
            const g = of.group;
            await g.lease(60); // however long it takes to ask
            assert.deepEqual(await g.statuses(terms), [...earlier, 'creating']);
            await g.create(terms, [409, 'creation_in_progress']);
            await g.lease(0);
            await g.becomes(terms, [...earlier, 'dark']);
            await stillSold(replaced);
            const { json: session } = await g.create(terms, 201);
            assert.deepEqual(await g.statuses(terms), [...earlier, 'dark', 'open']);
            await g.sells(terms, session);
        }

        test('before Clink is called: dark when its lease is over, then sold', async () => {
            const prior = await ended('create.begun');
            assert.equal((await of.group.sessions(prior.terms)).length, prior.replaced ? 1 : 0);
            await soldAfterLease(prior);
        });

        test("with Clink's answer: dark when its lease is over, then sold", async () => {
            const prior = await ended('create.answered');
            assert.equal((await of.group.sessions(prior.terms)).length, prior.replaced ? 2 : 1);
            await soldAfterLease(prior);
        });

        test("with Clink's answer, which somebody pays all the same: found, shown, and not sold again", async () => {
            const { terms, earlier } = await ended('create.answered');
            const g = of.group;
            const lost = (await g.sessions(terms)).at(-1);
            await g.stack.twin.pay(lost.sessionId);
            await g.paidOnce(terms, ['paid_on_dark_session']);
            const { attempts, payments } = await g.order(terms);
            assert.deepEqual(attempts.map(({ status }) => status), [...earlier, 'dark']);
            assert.deepEqual([attempts.at(-1).sessionId, attempts.at(-1).paymentStatus], [lost.sessionId, 'paid']);
            assert.equal(payments[0].sessionId, lost.sessionId);
        });

        test('with its page released: replayed', async () => {
            const { terms, earlier, replaced } = await ended('create.released');
            const g = of.group;
            const { json: session } = await g.create(terms, 200);
            const made = await g.sessions(terms);
            assert.equal(made.length, replaced ? 2 : 1);
            assert.equal(session.sessionId, made.at(-1).sessionId);
            const { attempts } = await g.order(terms);
            assert.deepEqual(attempts.map(({ status }) => status), [...earlier, 'open']);
            if (replaced) assert.notEqual(attempts[0].supersededAt, null);
            await g.sells(terms, session);
        });

        for (const [name, fault, status] of [
            ['refused', { fault: 'business_error' }, 'refused'],
            ['dark', { fault: 'lost_answer' }, 'dark'],
        ])
            test(`with its attempt written ${name}: sold at once`, async () => {
                const { terms, earlier, replaced } = await ended('create.closed', [fault]);
                const g = of.group;
                assert.deepEqual(await g.statuses(terms), [...earlier, status]);
                await stillSold(replaced);
                const { json: session } = await g.create(terms, 201);
                assert.deepEqual(await g.statuses(terms), [...earlier, status, 'open']);
                await g.sells(terms, session);
            });
    });

const everyPoint = ['settle.answered', 'settle.decided', 'settle.half_written', 'settle.written'];
const written = everyPoint.slice(1);
const delivering = { webhooks: { retry_scale: 0.01, max_retries: 6 } };

for (const [way, hear] of [
    ['refresh', (g, sessionId) => g.api.refresh(sessionId, { expect: undefined })],
    ['redirect', (g, sessionId) => g.api.success(sessionId, { expect: undefined })],
])
    group(`a payment heard of by ${way}, the process ending`, {}, (of) => {
        for (const point of everyPoint)
            test(`at ${point}: recorded once`, async () => {
                const g = of.group;
                const { terms, session } = await g.created();
                await g.arm(point);
                await g.stack.twin.pay(session.sessionId);
                await g.unanswered(hear(g, session.sessionId));
                await g.revive();
                await g.paidOnce(terms);
            });
    });

group('a payment heard of by webhook, the process ending', delivering, (of) => {
    for (const point of ['webhook.kept', 'webhook.settled', ...everyPoint])
        test(`at ${point}: recorded once, the event handled once`, async () => {
            const g = of.group;
            const { terms, session } = await g.created();
            await g.arm(point);
            await g.stack.twin.pay(session.sessionId);
            await g.revive();
            await g.paidOnce(terms);
            await g.inboxWorkedOff();
            await g.paidOnce(terms);
            const kept = await g.stack.database.query(`
                select event_id, w.state from checkout.webhooks w join checkout.orders using (order_id)
                where merchant_order_id = $1 order by webhook_id`, [terms.merchantOrderId]);
            assert.deepEqual(kept.map(({ state }) => state), kept.map(() => 'done'));
            const sent = await g.stack.twin.webhooks(session.sessionId);
            assert.deepEqual(new Set(kept.map((each) => each.event_id)), new Set(sent.map(({ id }) => id)));
            const told = (await g.api.events(terms.merchantOrderId)).filter(({ kind }) => kind === 'webhook_handled');
            assert.equal(told.length, sent.length);
        });
});

group('a refund heard of by webhook, the process ending', delivering, (of) => {
    for (const point of ['webhook.kept', 'webhook.settled', ...written])
        test(`at ${point}: recorded once`, async () => {
            const g = of.group;
            const { terms, session } = await g.created();
            await g.sells(terms, session);
            await g.inboxWorkedOff();
            await g.arm(point);
            await g.stack.twin.act(session.sessionId, 'refund', { refundAmount: '10' });
            await g.revive();
            await g.inboxWorkedOff();
            const order = await g.stack.settled(terms.merchantOrderId, 'partially_refunded', patience);
            assert.deepEqual(order.payments.map(({ refundedAmount }) => refundedAmount), ['10.00']);
            assert.deepEqual(order.refunds.map(({ status }) => status), ['success']);
            assert.deepEqual(order.openDiscrepancies, []);
            await g.sound();
        });
});

group('a payment that the sweeper finds, the process ending', {}, (of) => {
    /** Starts an armed service that has one thing to do; what it claimed is due again for the next when the claim is over. */
    async function sweptInto(point) {
        const g = of.group;
        await g.arm(point, { settings: {}, awaitReady: false });
        await g.ended();
        const claims = await g.stack.database.query(`select 1 from checkout.sessions where next_check_at > ${beyondSchedule}`);
        await g.revive(asleep);
        await g.endClaims();
        await g.stack.service.restart();
        return claims.length;
    }

    for (const point of ['sweep.claimed', ...everyPoint])
        test(`at ${point}: recorded once`, async () => {
            const g = of.group;
            await g.forget();
            const { terms, session } = await g.created();
            await g.stack.service.stop();
            await g.stack.twin.pay(session.sessionId);
            await g.due();
            const claims = await sweptInto(point);
            if (point === 'sweep.claimed') assert.equal(claims, 1);
            const { attempts } = await g.paidOnce(terms);
            assert.equal(attempts[0].settledBy, 'sweeper');
        });

    for (const point of ['sweep.claimed', ...written])
        test(`at ${point}, on an attempt that was lost: recorded once`, async () => {
            const g = of.group;
            await g.forget();
            const terms = g.stack.order();
            await g.stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'lost_answer' });
            await g.create(terms, [504, 'clink_outcome_unknown']);
            await g.stack.service.stop();
            const [{ sessionId }] = await g.sessions(terms);
            await g.stack.twin.pay(sessionId);
            await g.due();
            await sweptInto(point);
            await g.paidOnce(terms, ['paid_on_dark_session']);
        });

    test('at sweep.claimed, on a lease that is over: dark all the same', async () => {
        const g = of.group;
        await g.forget();
        const terms = g.stack.order();
        await g.arm('create.begun');
        await g.unanswered(g.create(terms));
        await g.revive(asleep);
        await g.stack.service.stop();
        await g.stack.database.query("update checkout.sessions set lease_until = now() where status = 'creating'");
        await g.due();
        await sweptInto('sweep.claimed');
        await g.becomes(terms, ['dark']);
        await g.sells(terms, (await g.create(terms, 201)).json);
    });
});

group('an expiry that a create asks for, the process ending', {}, (of) => {
    for (const point of everyPoint)
        test(`at ${point}: the next page is sold`, async () => {
            const g = of.group;
            const { terms, session } = await g.created();
            await g.arm(point);
            await g.stack.twin.act(session.sessionId, 'expire');
            const other = { ...terms, successUrl: g.stack.storefront.url('/other'), supersede: true };
            await g.unanswered(g.create(other));
            await g.revive();
            const { json: next } = await g.create(other, 201);
            assert.deepEqual(await g.statuses(terms), ['expired', 'open']);
            await g.sells(other, next);
        });
});

describe('a process that ends', { concurrency: 6 }, () => groups.forEach((define) => define()));
