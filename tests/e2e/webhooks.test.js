// What Clink's webhooks bring about: with no redirect and no refresh each payment is known, once, however they arrive; and
// what they claim counts for nothing until Clink was asked.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Cluster } from './support/database.js';
import { eventually } from './support/environment.js';
import { Stack } from './support/stack.js';
import { allHandled, assertPaidOnce, assertUnpaid, deliver, eventText, idOf, inbox, paidClaim, webhookKey } from './support/webhooks.js';

// Sessions are asked about on a webhook's word alone: the sweeper works off the inbox, and its schedule is far off.
const env = { CLINK_TIMEOUT_MS: '10000', SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '3600', DATABASE_POOL_SIZE: '8' };
const keys = [webhookKey(), webhookKey()];

let stack;
before(async () => {
    stack = await Stack.start('webhooks', { env: { ...env, CLINK_WEBHOOK_SIGNING_KEY: keys.join() }, webhooks: {} });
});
after(() => stack?.close());

const created = async (changes) => (await stack.api.create(stack.order(changes))).json;
const questions = ({ merchantOrderId }) => stack.twin.calls({ operation: 'get_session', reference: merchantOrderId });

describe('a payment whose customer never came back', () => {
    test('is known by webhook alone, with its evidence', async () => {
        const session = await created();
        await stack.twin.pay(session.sessionId);
        await assertPaidOnce(stack, session);
        const sent = await allHandled(stack, session);
        assert.deepEqual(sent.map(({ type }) => type), ['order.created', 'order.succeeded', 'session.complete']);
        for (const { state, attempts } of sent) assert.deepEqual([state, attempts.length], ['delivered', 1]);

        const events = await stack.api.events(session.merchantOrderId);
        const [recorded, ...more] = events.filter(({ kind }) => kind === 'payment_recorded');
        assert.deepEqual(more, []);
        assert.equal(recorded.source, 'webhook');
        for (const { id } of sent) assert.ok(events.some(({ data }) => JSON.stringify(data).includes(id)), id);
        assert.ok(!JSON.stringify(events).includes(session.url.split('%23').pop()));
    });

    for (const type of ['order.created', 'order.succeeded', 'session.complete'])
        test(`is known by ${type} when nothing else arrives`, async () => {
            const session = await created();
            await stack.webhooks({ drop: ['order.created', 'order.succeeded', 'session.complete'].filter((each) => each !== type) });
            await stack.twin.pay(session.sessionId);
            await assertPaidOnce(stack, session);
        });

    for (const [name, options] of [
        ['each twice more', { duplicates: 2 }],
        ['shuffled', { shuffle: true }],
        ['shuffled duplicates', { shuffle: true, duplicates: 3 }],
        ['full bodies', { session_body: 'full' }],
        ['amounts as text', { amounts_as_strings: true }],
        ['amounts as text, full bodies', { amounts_as_strings: true, session_body: 'full' }],
        ['no reference', { null_reference: true }],
        ['unknown fields', { extra_fields: true }],
        ['the older envelope', { legacy_envelope: true }],
        ['every other shape at once', {
            amounts_as_strings: true, null_reference: true, extra_fields: true, legacy_envelope: true, session_body: 'full',
        }],
        ['seconds', { timestamp_unit: 'seconds' }],
        ['no X-Clink-SignType', { sign_type: false }],
        ['signed with the second key', { secret: keys[1] }],
    ])
        test(`is one payment: ${name}`, async () => {
            const session = await created();
            await stack.webhooks(options);
            await stack.twin.pay(session.sessionId);
            await assertPaidOnce(stack, session);
            for (const { state } of await allHandled(stack, session)) assert.equal(state, 'delivered');
            await assertPaidOnce(stack, session);
            assert.deepEqual(await stack.discrepancies(session.sessionId), []);
        });

    test('is one payment: last things first, over a whole life', async () => {
        const session = await created();
        await stack.webhooks({ hold: true });
        await stack.twin.act(session.sessionId, 'fail');
        await stack.twin.act(session.sessionId, 'process');
        await stack.twin.act(session.sessionId, 'settle', { outcome: 'success' });
        const sent = await stack.twin.flush('reversed');
        const own = sent.filter(({ sessionId }) => sessionId === session.sessionId);
        assert.ok(own.length >= 5, own.map(({ type }) => type).join(' '));
        await assertPaidOnce(stack, session);
        await allHandled(stack, session);
        await assertPaidOnce(stack, session);
    });
});

describe('what else they tell', () => {
    test('processing, then paid', async () => {
        const session = await created();
        await stack.webhooks();
        await stack.twin.act(session.sessionId, 'process', { order_status: 'requires_action' });
        const waiting = await stack.settled(session.merchantOrderId, 'processing');
        assert.equal(waiting.attempts[0].settledBy, 'webhook');
        await stack.twin.act(session.sessionId, 'settle', { outcome: 'success' });
        await assertPaidOnce(stack, session);
    });

    test('a failure leaves the session open', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'fail');
        await allHandled(stack, session);
        await assertUnpaid(stack, session);
        assert.equal((await stack.api.session(session.sessionId)).json.url, session.url);
    });

    test('expiry', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'expire');
        await eventually('it has expired', async () => (await stack.api.session(session.sessionId)).json.status === 'expired');
        const { json } = await stack.api.session(session.sessionId);
        assert.deepEqual([json.settledBy, json.url], ['webhook', null]);
    });

    test('a payment after expiry', async () => {
        const session = await created();
        await stack.twin.act(session.sessionId, 'expire');
        await eventually('it has expired', async () => (await stack.api.session(session.sessionId)).json.status === 'expired');
        await stack.twin.act(session.sessionId, 'pay-after-expiry');
        const order = await stack.settled(session.merchantOrderId, 'paid');
        assert.deepEqual(order.openDiscrepancies.map(({ kind }) => kind), ['paid_after_expiry']);
    });
});

describe('a subscription', () => {
    const product = { productId: 'prd_1', priceId: 'price_1', priceDataList: undefined };
    for (const [name, options, order] of [
        ['as it is told', {}, undefined],
        ['last things first', { hold: true }, 'reversed'],
        ['shuffled duplicates', { hold: true, duplicates: 2 }, 'shuffled'],
        ['by order.succeeded alone', { drop: ['order.created', 'session.complete'] }, undefined],
    ])
        test(`is one payment and its renewals: ${name}`, async () => {
            const session = await created(product);
            await stack.webhooks(options);
            await stack.twin.pay(session.sessionId, { recurring: true });
            if (order === undefined) await assertPaidOnce(stack, session);
            for (let i = 0; i < 2; i++) await stack.twin.act(session.sessionId, 'renew');
            if (order !== undefined) await stack.twin.flush(order);
            const recorded = async () => (await stack.finance.order(session.merchantOrderId)).json;
            await eventually('the renewals are known', async () => (await recorded()).payments.length === 3);
            await allHandled(stack, session);
            const found = await recorded();
            const atClink = await stack.twin.orders(session.merchantOrderId);
            assert.deepEqual(found.payments.map(({ clinkOrderId }) => clinkOrderId).sort(), atClink.map(({ orderId }) => orderId).sort());
            assert.deepEqual([found.state, found.openDiscrepancies], ['paid', []]);
            const { orderId: first } = atClink.reduce((a, b) => (a.createTime <= b.createTime ? a : b));
            for (const { kind, clinkOrderId, subscriptionId, invoiceId } of found.payments) {
                assert.equal(kind, clinkOrderId === first ? 'payment' : 'renewal');
                assert.match(invoiceId, /^inv_/);
                assert.ok(kind === 'renewal' || subscriptionId !== null);
            }
        });
});

describe('an event', () => {
    test('is answered before Clink is', async () => {
        const session = await created();
        await stack.webhooks({ drop: ['order.created', 'order.succeeded'] });
        await stack.twin.fault({ operation: 'get_session', match: session.sessionId, fault: 'delay', delay_ms: 4_000 });
        await stack.twin.pay(session.sessionId);
        const sent = await stack.twin.webhooks(session.sessionId);
        assert.equal(sent.find(({ type }) => type === 'session.complete').state, 'delivered');
        await assertUnpaid(stack, session);
        await assertPaidOnce(stack, session);
    });

    test('is worked off when Clink answers again', async () => {
        const session = await created();
        await stack.webhooks();
        await stack.twin.fault({ operation: 'get_session', match: session.sessionId, fault: 'http_status', status: 503, count: 0 });
        await stack.twin.pay(session.sessionId);
        for (const { state } of await stack.twin.webhooks(session.sessionId)) assert.equal(state, 'delivered');
        await eventually('Clink is asked', async () => (await questions(session)).some(({ status }) => status === 503));
        await assertUnpaid(stack, session);
        await stack.twin.clearFaults();
        await assertPaidOnce(stack, session);
    });

    test('is worked off when Clink shows what its event claims', async () => {
        const session = await created();
        await stack.webhooks({ hold: true });
        await stack.twin.pay(session.sessionId);
        const [{ orderId }] = await stack.twin.orders(session.merchantOrderId);
        const fields = { status: 'open', paymentStatus: 'unpaid', amountTotal: null, paymentCurrency: null, orderId: null };
        await stack.twin.fault({ operation: 'get_session', match: session.sessionId, fault: 'set_fields', fields, count: 0 });
        await stack.twin.control('POST', `orders/${orderId}/override`, { status: 'pending', paymentTime: null });
        const sent = await stack.twin.flush();
        const { id } = sent.findLast(({ type }) => type === 'session.complete');
        await eventually('it was handled in vain', async () => (await inbox(stack.database, [id]))[0].tries > 0);
        await assertUnpaid(stack, session);
        await stack.twin.control('POST', `orders/${orderId}/override`, { status: 'success', paymentTime: Date.now() });
        await stack.twin.clearFaults();
        await assertPaidOnce(stack, session);
        await allHandled(stack, session);
    });

    test('is worked off in seconds when much comes at once', async () => {
        const sessions = [];
        for (let i = 0; i < 100; i++) sessions.push(await created());
        await stack.webhooks();
        await stack.twin.settings({ latency_ms: 300 });
        await Promise.all(sessions.map(({ sessionId }) => stack.twin.pay(sessionId)));
        const unknown = () =>
            stack.database.query(
                `select 1 from checkout.orders where merchant_order_id = any($1) and state <> 'paid' limit 1`,
                [sessions.map(({ merchantOrderId }) => merchantOrderId)],
            );
        await eventually('all payments are known', async () => (await unknown()).length === 0, 20);
        await stack.twin.settings({ latency_ms: 0 });
        for (const session of sessions.slice(-3)) await assertPaidOnce(stack, session);
    });
});

describe('a signed claim that is not true at Clink', () => {
    const claims = {
        'order.succeeded': (session) => paidClaim(session),
        'session.complete': (session) => ({
            sessionId: session.sessionId, merchantReferenceId: session.merchantOrderId, status: 'completed', paymentStatus: 'paid',
            amountTotal: 49.9, paymentCurrency: 'USD', orderId: 'order_claimed',
        }),
        'session.expired': (session) => ({
            sessionId: session.sessionId, merchantReferenceId: session.merchantOrderId, status: 'expired', paymentStatus: 'unpaid',
        }),
    };
    for (const [type, claim] of Object.entries(claims))
        test(`${type}: Clink is asked, and its word stands`, async () => {
            const session = await created();
            await stack.webhooks();
            const { id } = await stack.twin.control('POST', 'webhooks/send', { type, object: claim(session) });
            await eventually('Clink is asked', async () => (await questions(session)).some(({ status }) => status === 200));
            await eventually('it is handled', async () => (await inbox(stack.database, [id]))[0].tries > 0);
            await assertUnpaid(stack, session);
            const { json } = await stack.api.session(session.sessionId);
            assert.deepEqual([json.status, json.url], ['open', session.url]);
            assert.equal((await stack.api.refresh(session.sessionId)).json.paid, false);
        });

    test("another order's payment pays nothing here", async () => {
        const paid = await created();
        const open = await created();
        await stack.webhooks({ drop: ['*'] });
        await stack.twin.pay(paid.sessionId);
        const [{ orderId }] = await stack.twin.orders(paid.merchantOrderId);
        await stack.webhooks();
        for (const claim of [
            paidClaim(open, { orderId }),
            paidClaim(open, { orderId, merchantReferenceId: paid.merchantOrderId }),
            paidClaim(paid, { orderId, merchantReferenceId: open.merchantOrderId }),
            paidClaim(open, { orderId, sessionId: undefined }),
        ]) {
            const body = eventText('order.succeeded', claim);
            await deliver(stack.api, body);
            await eventually('it is handled', async () => (await inbox(stack.database, [idOf(body)]))[0].tries > 0);
        }
        await assertUnpaid(stack, open);
        await stack.settled(paid.merchantOrderId, 'paid');
        assert.equal((await stack.finance.order(paid.merchantOrderId)).json.payments.length, 1);
    });

    test("another order's payment pays no attempt whose answer was lost", async () => {
        const paid = await created();
        await stack.webhooks({ drop: ['*'] });
        await stack.twin.pay(paid.sessionId);
        const [{ orderId }] = await stack.twin.orders(paid.merchantOrderId);
        await stack.webhooks();
        const terms = stack.order();
        await stack.twin.fault({ operation: 'create', match: terms.merchantOrderId, fault: 'lost_answer', after_work: true });
        await stack.api.create(terms, { expect: [504, 'clink_outcome_unknown'] });
        // Clink names no session of it, so that its reference alone tells whose it is.
        await stack.twin.control('POST', `orders/${orderId}/override`, { sessionId: null, metadata: {} });
        const body = eventText('order.succeeded', paidClaim(terms, { orderId }));
        await deliver(stack.api, body);
        await eventually('it is handled', async () => (await inbox(stack.database, [idOf(body)]))[0].tries > 0);
        const { json: order } = await stack.finance.order(terms.merchantOrderId);
        assert.deepEqual([order.state, order.payments, order.attempts[0].status], ['unpaid', [], 'dark']);
    });

    test('a refund pays nothing back', async () => {
        const session = await created();
        await stack.webhooks();
        await stack.twin.pay(session.sessionId);
        const { payments } = await assertPaidOnce(stack, session);
        const claim = {
            refundId: 'rfd_claimed', orderId: payments[0].clinkOrderId, refundAmount: 49.9, refundCurrency: 'USD', status: 'success',
        };
        const { id } = await stack.twin.control('POST', 'webhooks/send', { type: 'refund.succeeded', object: claim });
        await stack.twin.called({ operation: 'get_refund' });
        await eventually('it is handled', async () => (await inbox(stack.database, [id]))[0].tries > 0);
        const order = (await stack.finance.order(session.merchantOrderId)).json;
        assert.deepEqual([order.state, order.payments[0].refundedAmount], ['paid', '0.00']);
    });
});

describe('PostgreSQL is down', () => {
    let cluster;
    let own;
    before(async () => {
        cluster = await Cluster.create();
        own = await Stack.start('webhooks-outage', { cluster: cluster.url, env, webhooks: { retry_scale: 0.0001 } });
    });
    after(async () => {
        await own?.close();
        await cluster?.remove();
    });

    test('nothing is acknowledged; Clink comes again, and the payment is known', async () => {
        const session = (await own.api.create(own.order())).json;
        await own.twin.settings({ webhooks: { hold: true } });
        await own.twin.pay(session.sessionId);
        await own.database.disconnect();
        await cluster.stop();
        const sent = (await own.twin.flush()).filter(({ sessionId }) => sessionId === session.sessionId);
        assert.equal(sent.length, 3);
        for (const { state, attempts } of sent) {
            assert.equal(state, 'waiting');
            assert.equal(attempts[0].status, 503);
        }
        const answer = await deliver(own.api, eventText('order.created', { orderId: 'o' }), { expect: [503, 'database_unavailable'] });
        assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);

        await cluster.start();
        const order = await own.settled(session.merchantOrderId, 'paid', 20).catch(async (error) => {
            throw new Error(`${error.message}: ${JSON.stringify(await own.twin.webhooks())}`);
        });
        assert.equal(order.attempts[0].settledBy, 'webhook');
        await eventually('all is acknowledged', async () => (await own.twin.flush()).every(({ state }) => state === 'delivered'));
    });
});
