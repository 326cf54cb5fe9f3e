// One order from its first request to its end, as a seed has it: what the merchant, the customer, Clink and the network do,
// what each answer may be, and what must have come of it.
import assert from 'node:assert/strict';

import { parsed } from './client.js';
import { exchange } from './http.js';
import { amount, expectedOrder } from './model.js';
import { Random } from './random.js';

/** How often each thing happens. Each is a method, which draws from a generator of its own. */
const steps = {
    create: 8, replay: 4, supersede: 4, lostCreate: 3, refusedCreate: 1, cancel: 0.7, refresh: 8, redirect: 1, sweep: 3,
    pay: 7, fail: 3, process: 4, settle: 5, expire: 3, payAfterExpiry: 2, refund: 5, settleRefund: 2,
    deliver: 8, deliverTwice: 3, drop: 2, unansweredRefresh: 1,
};

/** Codes by status that an answer may have; undefined for success. */
const allowed = {
    create: {
        200: [undefined],
        201: [undefined],
        409: ['order_terms_conflict', 'payment_processing', 'order_already_paid', 'order_cancelled', 'too_many_open_sessions'],
        502: ['clink_rejected'],
        503: ['clink_unavailable'],
        504: ['clink_outcome_unknown'],
    },
    ask: { 200: [undefined] },
    cancel: { 200: [undefined], 409: ['order_already_paid'] },
    order: { 200: [undefined] },
};

const lostAnswers = [
    { fault: 'lost_answer' }, { fault: 'close' }, { fault: 'reset', after_work: true }, { fault: 'truncate' },
    { fault: 'http_status', status: 502, after_work: true }, { fault: 'delay', delay_ms: 300 },
];
const noAnswers = ['lost_answer', 'malformed', 'empty_200', 'null_data', 'html_200', 'foreign_session'];
const payments = [
    {}, {}, {}, { surcharge: '1.25' }, { discount: '2.5' }, { paymentCurrency: 'EUR', exchange_rate: '0.5' },
    { paymentCurrency: 'EUR', exchange_rate: '2', surcharge: '1' },
];

const dueNow = `
    with o as (select order_id from checkout.orders where merchant_order_id = $1),
        s as (update checkout.sessions set next_check_at = now()
              where order_id in (select order_id from o) and status <> 'creating'),
        r as (update checkout.refunds set next_check_at = now()
              where order_id in (select order_id from o) and status not in ('success', 'failed', 'closed')),
        w as (update checkout.webhooks set next_try_at = now() where event_id = any($2) and state <> 'done')
    select now()::text as since`;
const neverDue = `
    update checkout.sessions set next_check_at = null
    where order_id = (select order_id from checkout.orders where merchant_order_id = $1)`;

export class History {
    /** `world`: `stack`, `database` (a pool), `replicas`, `postman`, `watch`, and a count of `refusals`. */
    constructor(seed, world) {
        this.world = world;
        Object.assign(this, world);
        this.seed = seed;
        this.random = new Random(seed);
        this.log = [];
        this.handed = new Map(); // session id -> {attempt, bySupersede}, of what was handed to the customer
        this.told = new Set(); // session ids that the service said are paid
        this.delivered = []; // event ids
        this.heardRefunds = new Set();
        this.isCancelled = false;
        const originalAmount = this.random.pick(['49.90', '7', '120.05', '1999.99']);
        const allowPromotionCodes = this.random.chance(0.3) || undefined;
        this.terms = this.stack.order({ originalAmount, allowPromotionCodes, metadata: { variant: '0' } });
        this.reference = this.terms.merchantOrderId;
    }

    async run() {
        await this.step('create');
        for (let left = 3 + this.random.below(12); left > 0; left--) {
            const together = this.random.chance(0.25) ? 2 + this.random.below(2) : 1;
            const names = Array.from({ length: together }, () => this.random.weighted(steps));
            await Promise.all(names.map((name) => this.step(name, together > 1 ? '*' : '')));
            if (this.handed.size > 1) await this.sellsOnePage();
        }
        for (const letter of this.postman.waiting(this.reference).splice(0))
            if (this.random.chance(0.5)) await this.hand(letter, [this.random.pick(this.replicas)]);
        await this.rest();
        await this.judge();
        await this.database.query(neverDue, [this.reference]);
        this.postman.forget(this.reference);
    }

    /** A step marked `*` ran together with its neighbours that are marked. */
    async step(name, mark = '') {
        const entry = [name + mark];
        this.log.push(entry);
        entry.push(await this[name](new Random(this.random.below(2 ** 32))));
    }

    describe() {
        const lines = this.log.map((entry) => `  ${entry.map((part) => JSON.stringify(part)).join(' ')}`);
        return [`seed ${this.seed}, order ${this.reference}`, ...lines].join('\n');
    }

    async call(kind, service, method, path, { body, headers } = {}) {
        const text = body && JSON.stringify(body);
        const type = text && { 'content-type': 'application/json' };
        const sent = { authorization: `Bearer ${service.tokens.all}`, ...type, ...headers };
        const ask = async () => parsed(await exchange(service.base, { method, path, headers: sent, body: text }));
        let answer = await ask();
        // A machine that stands still for a while has the service refuse what comes meanwhile: as storefronts do, we wait.
        for (let tries = 1; answer.json?.code === 'overloaded' && tries < 10; tries++) {
            this.world.refusals++;
            await new Promise((done) => setTimeout(done, 1000 * Number(answer.headers['retry-after'])));
            answer = await ask();
        }
        const code = answer.status >= 400 ? answer.json?.code : undefined;
        assert.ok(allowed[kind][answer.status]?.includes(code), `${kind}: ${answer.status} ${answer.text}`);
        return answer;
    }

    // The merchant's requests.
    async send(service, terms) {
        const { status, json } = await this.call('create', service, 'POST', '/v1/checkout-sessions', { body: terms });
        if (status !== 200) this.known = undefined;
        if (status >= 400) return `${status} ${json.code}`;
        const { sessionId, attempt } = json;
        if (status === 201 || !this.handed.has(sessionId))
            this.handed.set(sessionId, { attempt, bySupersede: terms.supersede === true });
        return `${status} ${sessionId}`;
    }

    create(random) {
        const service = random.pick(this.replicas);
        const changed = random.chance(0.3) && { metadata: { variant: String(random.below(4)) } };
        return this.send(service, { ...this.terms, ...changed });
    }

    replay(random) {
        return this.send(random.pick(this.replicas), this.terms);
    }

    supersede(random) {
        this.terms = { ...this.terms, metadata: { variant: String(random.below(4)) } };
        return this.send(random.pick(this.replicas), { ...this.terms, supersede: true });
    }

    async lostCreate(random) {
        const fault = random.pick(lostAnswers);
        await this.stack.twin.fault({ operation: 'create', match: this.reference, ...fault });
        return [fault.fault, await this.create(random)];
    }

    async refusedCreate(random) {
        const fault = { fault: 'business_error', after_work: random.chance(0.5) };
        await this.stack.twin.fault({ operation: 'create', match: this.reference, ...fault });
        return this.create(random);
    }

    async cancel(random) {
        const { status } = await this.call('cancel', random.pick(this.replicas), 'POST', `/v1/orders/${this.reference}/cancel`);
        if (status === 200) this.isCancelled = true;
        return status;
    }

    /** P5: what was paid in an answer before this question is paid in its answer. */
    async ask(random, method, path) {
        if (this.handed.size === 0) return 'nothing';
        const before = new Set(this.told);
        const of = random.pick([...this.handed.keys()]);
        const options = { headers: { accept: 'application/json' } };
        const { json } = await this.call('ask', random.pick(this.replicas), method, path(of), options);
        const { sessionId, status, paymentStatus, stale } = json;
        if (paymentStatus === 'paid') this.told.add(sessionId);
        else assert.ok(!before.has(sessionId), `P5: ${sessionId} was paid and is ${paymentStatus}`);
        return `${sessionId} ${status} ${paymentStatus}${stale ? ' stale' : ''}`;
    }

    refresh(random) {
        return this.ask(random, 'POST', (sessionId) => `/v1/checkout-sessions/${sessionId}/refresh`);
    }

    redirect(random) {
        return this.ask(random, 'GET', (sessionId) => `/checkout/success?sessionId=${sessionId}`);
    }

    async unansweredRefresh(random) {
        if (this.handed.size === 0) return 'nothing';
        const fault = random.pick(noAnswers);
        await this.stack.twin.fault({ operation: 'get_session', match: random.pick([...this.handed.keys()]), fault });
        return [fault, await this.refresh(random)];
    }

    // What happens at Clink.
    atClink() {
        return this.stack.twin.sessions(this.reference);
    }

    ordersAtClink() {
        return this.stack.twin.control('GET', `orders?${new URLSearchParams({ merchantReferenceId: this.reference })}`);
    }

    /** To one of the order's sessions, a lost one at times; what Clink refuses is a step that changed nothing. */
    async act(random, action, choice = {}) {
        this.known ??= (await this.atClink()).map(({ sessionId }) => sessionId);
        if (this.known.length === 0) return 'nothing';
        const sessionId = random.pick(this.known);
        const request = { method: 'POST', path: `/control/sessions/${sessionId}/${action}`, body: JSON.stringify(choice) };
        const { status } = await exchange(this.stack.twin.base, request);
        return [sessionId, choice, status];
    }

    pay(random) {
        return this.act(random, 'pay', random.pick(payments));
    }

    fail(random) {
        return this.act(random, 'fail', random.pick(payments));
    }

    process(random) {
        const order_status = random.pick(['pending', 'requires_action']);
        return this.act(random, 'process', { ...random.pick(payments), order_status });
    }

    settle(random) {
        const outcome = random.chance(0.6) ? 'success' : 'failed';
        return this.act(random, 'settle', { outcome, stays_expired: random.chance(0.5) });
    }

    expire(random) {
        return this.act(random, 'expire');
    }

    payAfterExpiry(random) {
        return this.act(random, 'pay-after-expiry', { ...random.pick(payments), stays_expired: random.chance(0.5) });
    }

    refund(random) {
        const outcome = random.pick(['success', 'success', 'success', 'pending', 'failed']);
        const part = random.chance(0.6) && { refundAmount: random.pick(['1', '2.5', '0.01']) };
        return this.act(random, 'refund', { outcome, ...part });
    }

    async settleRefund(random) {
        const outcome = random.chance(0.7) ? 'success' : 'failed';
        const refunds = (await this.ordersAtClink()).flatMap((order) => order.refunds);
        const pending = refunds.filter(({ status }) => status === 'created');
        if (pending.length === 0) return 'nothing';
        const { refundId } = random.pick(pending);
        const request = { method: 'POST', path: `/control/refunds/${refundId}/settle`, body: JSON.stringify({ outcome }) };
        const { status } = await exchange(this.stack.twin.base, request);
        return [refundId, outcome, status];
    }

    // What the service is told of it.
    /** A letter of those that wait, wherever it lies. */
    take(random) {
        const waiting = this.postman.waiting(this.reference);
        return waiting.splice(random.below(Math.max(1, waiting.length)), 1)[0];
    }

    async hand(letter, services) {
        if (!letter) return 'nothing';
        const statuses = await Promise.all(services.map((service) => this.postman.deliver(letter, service)));
        for (const status of statuses) assert.equal(status, 200, letter.type);
        this.delivered.push(letter.id);
        if (letter.type.startsWith('refund.')) this.heardRefunds.add(letter.object.refundId);
        return letter.type;
    }

    deliver(random) {
        return this.hand(this.take(random), [random.pick(this.replicas)]);
    }

    deliverTwice(random) {
        return this.hand(this.take(random), [random.pick(this.replicas), random.pick(this.replicas)]);
    }

    drop(random) {
        return this.take(random)?.type ?? 'nothing';
    }

    /** Everything about the order is due now; gives from when. */
    async sweep() {
        const [{ since }] = await this.database.query(dueNow, [this.reference, this.delivered]);
        return since;
    }

    // What must hold.
    /** P1 at Clink: of the pages that were handed out one can be paid, those before the last supersede apart. */
    async sellsOnePage() {
        const sessions = await this.atClink();
        const payable = sessions.filter(({ status, paymentStatus }) => status === 'open' && paymentStatus === 'unpaid');
        const handed = payable.map(({ sessionId }) => this.handed.get(sessionId)).filter(Boolean);
        const superseding = [...this.handed.values()].filter(({ bySupersede }) => bySupersede);
        const last = Math.max(0, ...superseding.map(({ attempt }) => attempt));
        const live = handed.filter(({ attempt }) => attempt >= last);
        assert.ok(live.length <= 1, `P1: attempts ${live.map(({ attempt }) => attempt)} can be paid`);
    }

    /** Everything is asked about twice: at the first time a question with an older answer may have been under way. */
    async rest() {
        const { reference, delivered: events } = this;
        const remind = () => this.sweep();
        for (let round = 0; round < 2; round++) await this.watch.asked({ reference, since: await this.sweep(), events, remind });
    }

    async judge() {
        const [sessions, orders, { json: order }] = await Promise.all([
            this.atClink(), this.ordersAtClink(), this.call('order', this.replicas[0], 'GET', `/v1/orders/${this.reference}`),
        ]);
        const released = new Set(this.handed.keys());
        const superseded = new Set(order.attempts.filter(({ supersededAt }) => supersededAt).map(({ sessionId }) => sessionId));
        const { isCancelled, heardRefunds } = this;
        const expected = expectedOrder({ sessions, orders, released, superseded, isCancelled, heardRefunds });
        this.judgePayments(order, expected);
        assert.equal(order.state, expected.state, 'the state');
        assert.equal(order.cancelledAt !== null, isCancelled, 'cancelled');
        this.judgeAttempts(order, expected, released);
        this.judgeDiscrepancies(order, expected);
        for (const told of this.told)
            assert.equal(sessions.find(({ sessionId }) => sessionId === told).paymentStatus, 'paid', 'P4: told to be paid');
    }

    judgePayments(order, expected) {
        const essence = ({ clinkOrderId, sessionId, verdict, amountTotal, paymentCurrency, refundedAmount }) => ({
            clinkOrderId, sessionId, verdict, paymentCurrency,
            amountTotal: amount(amountTotal), refundedAmount: amount(refundedAmount),
        });
        const sorted = (list) => list.map(essence).sort((a, b) => (a.clinkOrderId < b.clinkOrderId ? -1 : 1));
        assert.deepEqual(sorted(order.payments), sorted(expected.payments), 'payments');
    }

    judgeAttempts(order, expected, released) {
        const byAttempt = new Map(order.attempts.map((each) => [each.attemptId, each]));
        for (const wanted of expected.attempts) {
            const found = byAttempt.get(wanted.attemptId);
            assert.ok(found, `Clink has a session of attempt ${wanted.attemptId}, which is unknown`);
            const states = wanted.isReleased ? [wanted.status] : ['dark', 'refused'];
            assert.ok(states.includes(found.status), `${wanted.sessionId} is ${found.status}, not ${states}`);
            assert.equal(found.paymentStatus, wanted.paymentStatus, `paymentStatus of ${wanted.sessionId}`);
            if (!wanted.mayBeUnknown) assert.equal(found.sessionId, wanted.sessionId);
        }
        const shown = order.attempts.filter(({ releasedAt }) => releasedAt !== null).map(({ sessionId }) => sessionId);
        assert.deepEqual(new Set(shown), released, 'what was released is what was handed out');
    }

    judgeDiscrepancies(order, expected) {
        const kinds = new Set(order.openDiscrepancies.map(({ kind }) => kind));
        // Clink lets sessions expire here long before the time that they show: whether that was seen is no part of the truth.
        if (expected.payments.length > 0 && this.log.some(([name]) => /expir/i.test(name))) kinds.delete('paid_after_expiry');
        assert.deepEqual([...kinds].sort(), [...expected.discrepancies].sort(), 'open discrepancies');
    }
}
