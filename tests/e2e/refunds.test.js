// Money that goes back: refunds, asked for or not, and disputes, in whatever order Clink tells of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { eventually } from './support/environment.js';
import { exchange } from './support/http.js';
import { Stack } from './support/stack.js';
import { allHandled, deliver, eventText, handled, inbox } from './support/webhooks.js';

let stack;
before(async () => {
    // The sweeper asks at once about what a test makes due, and about nothing else within this suite.
    const env = { SWEEP_INTERVAL_SECONDS: '1', SWEEP_SCHEDULE_SECONDS: '3600' };
    stack = await Stack.start('refunds', { env, webhooks: {} });
});
after(() => stack?.close());

const orderOf = async ({ merchantOrderId }) => (await stack.finance.order(merchantOrderId)).json;
const kindsOf = (order) => order.openDiscrepancies.map(({ kind }) => kind);
const refund = ({ sessionId }, choice = {}) => stack.twin.act(sessionId, 'refund', choice);
const settleRefund = (refundId, choice) => stack.twin.control('POST', `refunds/${refundId}/settle`, choice);

async function paid(changes, choice) {
    const session = (await stack.api.create(stack.order(changes))).json;
    await stack.webhooks();
    await stack.twin.pay(session.sessionId, choice);
    await stack.settled(session.merchantOrderId, 'paid');
    await allHandled(stack, session); // none of them asks Clink about it any more
    return session;
}

/** Refunds as Clink has them, all orders of the reference together. */
async function refundsAtClink({ merchantOrderId }) {
    const rows = await stack.twin.control('GET', `orders?${new URLSearchParams({ merchantReferenceId: merchantOrderId })}`);
    return rows.flatMap(({ refunds }) => refunds);
}

async function assertRefundsAsAtClink(session) {
    const atClink = (await refundsAtClink(session)).map((each) => [each.refundId, each.orderId, each.status, Number(each.refundAmount)]);
    const order = await orderOf(session);
    const recorded = order.refunds.map((each) => [each.refundId, each.clinkOrderId, each.status, Number(each.refundAmount)]);
    assert.deepEqual(recorded.sort(), atClink.sort());
    for (const each of order.refunds) assert.ok(order.payments.some(({ paymentId }) => paymentId === each.paymentId));
    return order;
}

describe('a refund', () => {
    test('in full', async () => {
        const session = await paid();
        await refund(session, { refundReason: 'Duplicate payment', refundMerchantOrderId: 'shop-refund-1' });
        const order = await stack.settled(session.merchantOrderId, 'refunded');
        await assertRefundsAsAtClink(session);
        const [recorded] = order.refunds;
        const { status, refundAmount, refundCurrency, refundReason, refundMerchantOrderId, evidence } = recorded;
        assert.deepEqual([status, refundAmount, refundCurrency, evidence], ['success', '49.90', 'USD', 'webhook']);
        assert.deepEqual([refundReason, refundMerchantOrderId], ['Duplicate payment', 'shop-refund-1']);
        assert.equal(order.payments[0].refundedAmount, '49.90');
        assert.equal(order.attempts[0].paymentStatus, 'paid');
        assert.deepEqual(kindsOf(order), []);
        const events = await stack.api.events(session.merchantOrderId);
        assert.equal(events.filter(({ kind }) => kind === 'refund_recorded').length, 1);
        const terms = { merchantOrderId: session.merchantOrderId, ...order.terms };
        await stack.api.create(terms, { expect: [409, 'order_already_paid'] });
    });

    test('in part', async () => {
        const session = await paid();
        await refund(session, { refundAmount: '10.01' });
        const order = await stack.settled(session.merchantOrderId, 'partially_refunded');
        assert.equal(order.payments[0].refundedAmount, '10.01');
        assert.equal(order.paid, true);
        assert.deepEqual(kindsOf(order), []);
    });

    test('in several parts, until nothing is left', async () => {
        const session = await paid();
        for (const [refundAmount, state, sum] of [
            ['10', 'partially_refunded', '10.00'], ['0.05', 'partially_refunded', '10.05'], [undefined, 'refunded', '49.90'],
        ]) {
            await refund(session, { refundAmount });
            await eventually(`${sum} are refunded`, async () => (await orderOf(session)).payments[0].refundedAmount === sum);
            assert.equal((await orderOf(session)).state, state);
        }
        await assertRefundsAsAtClink(session);
    });

    for (const [name, options, order] of [
        ['last things first', {}, 'reversed'],
        ['shuffled duplicates', { duplicates: 2 }, 'shuffled'],
        ['amounts as text, unknown fields', { amounts_as_strings: true, extra_fields: true }, 'as_made'],
        ['the older envelope', { legacy_envelope: true }, 'reversed'],
    ])
        test(`in several parts: ${name}`, async () => {
            const session = await paid();
            await stack.webhooks({ hold: true, ...options });
            for (const refundAmount of ['20', '5.5', '24.4']) await refund(session, { refundAmount });
            await stack.twin.flush(order);
            await stack.settled(session.merchantOrderId, 'refunded');
            await eventually('each is recorded', async () => (await orderOf(session)).refunds.length === 3);
            const { payments } = await assertRefundsAsAtClink(session);
            assert.equal(payments[0].refundedAmount, '49.90');
        });

    test('that the merchant asked Clink for', async () => {
        const session = await paid();
        const [{ orderId }] = await stack.twin.orders(session.merchantOrderId);
        const body = JSON.stringify({ orderId, refundMerchantOrderId: 'shop-refund-2', refundAmount: 9.9, refundReasonType: 2 });
        const headers = { 'x-api-key': stack.twin.apiKey, 'x-timestamp': String(Date.now()), 'content-type': 'application/json' };
        await exchange(stack.twin.base, { method: 'POST', path: '/api/refund', headers, body });
        const order = await stack.settled(session.merchantOrderId, 'partially_refunded');
        assert.deepEqual([order.refunds[0].refundMerchantOrderId, order.refunds[0].refundAmount], ['shop-refund-2', '9.90']);
    });

    test('in the currency of the payment', async () => {
        const session = await paid({}, { paymentCurrency: 'BRL', amountTotal: '266.42' });
        assert.equal((await orderOf(session)).payments[0].verdict, 'converted');
        await refund(session, { refundAmount: '66.42' });
        await stack.settled(session.merchantOrderId, 'partially_refunded');
        await refund(session);
        const order = await stack.settled(session.merchantOrderId, 'refunded');
        assert.equal(order.payments[0].refundedAmount, '266.42');
        assert.deepEqual(order.refunds.map(({ refundCurrency }) => refundCurrency), ['BRL', 'BRL']);
        assert.deepEqual(kindsOf(order), []);
    });
});

describe('a refund that is pending', () => {
    async function pending() {
        const session = await paid();
        await refund(session, { outcome: 'pending' });
        await eventually('it is recorded', async () => (await orderOf(session)).refunds.length === 1);
        const order = await orderOf(session);
        assert.deepEqual([order.state, order.refunds[0].status, order.payments[0].refundedAmount], ['paid', 'created', '0.00']);
        return { session, refundId: order.refunds[0].refundId };
    }

    test('counts once it succeeds', async () => {
        const { session, refundId } = await pending();
        await settleRefund(refundId, { outcome: 'success' });
        const order = await stack.settled(session.merchantOrderId, 'refunded');
        assert.deepEqual([order.refunds.length, order.refunds[0].status], [1, 'success']);
    });

    test('counts nothing when it fails', async () => {
        const { session, refundId } = await pending();
        await settleRefund(refundId, { outcome: 'failed', failureCode: 'already_refunded' });
        await eventually('it has failed', async () => (await orderOf(session)).refunds[0].status === 'failed');
        const order = await orderOf(session);
        assert.deepEqual([order.state, order.payments[0].refundedAmount], ['paid', '0.00']);
        assert.equal(order.refunds[0].failureCode, 'already_refunded');
        await refund(session);
        assert.equal((await stack.settled(session.merchantOrderId, 'refunded')).refunds.length, 2);
    });

    test('is asked about when no event tells its end', async () => {
        const { session, refundId } = await pending();
        await stack.webhooks({ drop: ['*'] });
        await settleRefund(refundId, { outcome: 'success' });
        await stack.database.query('update checkout.refunds set next_check_at = now() where clink_refund_id = $1', [refundId]);
        const order = await stack.settled(session.merchantOrderId, 'refunded');
        assert.equal(order.refunds[0].status, 'success');
    });
});

describe('a refund whose events are lost', () => {
    for (const [refundAmount, state] of [[undefined, 'refunded'], ['10', 'partially_refunded']])
        test(`shows in the order's state: ${state}`, async () => {
            const session = await paid();
            await allHandled(stack, session);
            await stack.webhooks({ drop: ['*'] });
            await refund(session, { refundAmount });
            const due = 'update checkout.sessions set next_check_at = now() where clink_session_id = $1';
            await stack.database.query(due, [session.sessionId]);
            const order = await stack.settled(session.merchantOrderId, state);
            assert.deepEqual(order.refunds, []);
            assert.equal((await stack.api.refresh(session.sessionId)).json.paid, true);
        });
});

describe('a refund before its payment is known', () => {
    for (const [name, drop] of [
        ['both its events', ['order.created', 'order.succeeded', 'session.complete']],
        ['its last event alone', ['order.created', 'order.succeeded', 'session.complete', 'refund.created']],
    ])
        test(`${name}: both are found`, async () => {
            const session = (await stack.api.create(stack.order())).json;
            await stack.webhooks({ drop });
            await stack.twin.pay(session.sessionId);
            await refund(session, { refundAmount: '9.90' });
            await stack.settled(session.merchantOrderId, 'partially_refunded');
            const order = await eventually('the refund is recorded', async () => {
                const found = await orderOf(session);
                return found.refunds.length > 0 && found.refunds[0].paymentId !== null && found;
            });
            assert.deepEqual(order.payments.map(({ refundedAmount }) => refundedAmount), ['9.90']);
            assert.deepEqual(kindsOf(order), []);
            const [{ refundId }] = order.refunds;
            await eventually('nothing stays open', async () => (await stack.discrepancies(refundId)).length === 0);
        });

    test('while Clink owes an answer about the payment: it is no refund without one', async () => {
        const session = (await stack.api.create(stack.order())).json;
        await stack.webhooks({ drop: ['order.created', 'order.succeeded', 'session.complete', 'refund.created'] });
        await stack.twin.pay(session.sessionId);
        const owed = { fault: 'http_status', status: 503, count: 0 };
        for (const operation of ['get_order', 'get_session']) await stack.twin.fault({ operation, ...owed });
        await refund(session, { refundAmount: '9.90' });
        const told = (await stack.twin.webhooks()).filter(({ type }) => type === 'refund.succeeded').at(-1);
        const kept = await eventually('it was tried', async () =>
            (await inbox(stack.database, [told.id])).find(({ tries, outcome }) => tries > 0 && outcome));
        assert.deepEqual([kept.state, kept.outcome], ['received', 'Clink did not answer']);
        assert.deepEqual(await stack.discrepancies(told.resource_id), []);
        await stack.twin.clearFaults();
        await stack.settled(session.merchantOrderId, 'partially_refunded');
        assert.deepEqual(await stack.discrepancies(told.resource_id), []);
    });

    test('all events at once, last things first', async () => {
        const session = (await stack.api.create(stack.order())).json;
        await stack.webhooks({ hold: true, duplicates: 1 });
        await stack.twin.pay(session.sessionId);
        await refund(session, { refundAmount: '9.90' });
        await refund(session);
        const sent = await stack.twin.flush('reversed');
        const order = await stack.settled(session.merchantOrderId, 'refunded');
        await handled(stack.database, sent.map(({ id }) => id));
        const { payments } = await assertRefundsAsAtClink(session);
        assert.deepEqual(payments.map(({ refundedAmount }) => refundedAmount), ['49.90']);
        assert.equal(order.attempts[0].settledBy, 'webhook');
        assert.deepEqual(kindsOf(await orderOf(session)), []);
    });

    test('of an order that nobody here knows', async () => {
        await stack.webhooks();
        const sessionId = await stack.twin.foreignSession();
        await stack.twin.pay(sessionId);
        await refund({ sessionId });
        const told = (await stack.twin.webhooks()).filter(({ type }) => type === 'refund.succeeded').at(-1);
        const { merchantOrderId } = await stack.discrepancy(told.resource_id, 'refund_without_payment');
        assert.equal(merchantOrderId, null);
    });
});

describe('an order that was paid twice', () => {
    async function overpaid() {
        const first = (await stack.api.create(stack.order())).json;
        await stack.webhooks();
        await stack.twin.act(first.sessionId, 'expire');
        await eventually('it has expired', async () => (await stack.api.session(first.sessionId)).json.status === 'expired');
        const { terms } = await orderOf(first);
        const second = (await stack.api.create({ merchantOrderId: first.merchantOrderId, ...terms })).json;
        await stack.twin.pay(second.sessionId);
        await stack.twin.act(first.sessionId, 'pay-after-expiry');
        const order = await stack.settled(first.merchantOrderId, 'overpaid');
        await stack.discrepancy(first.merchantOrderId, 'duplicate_payment');
        assert.equal(order.payments.length, 2);
        return { first, second };
    }

    for (const which of ['first', 'second'])
        test(`is as paid once the ${which} payment went back`, async () => {
            const sessions = await overpaid();
            await refund(sessions[which], { refundAmount: '49.89' });
            const succeeded = async () => (await orderOf(sessions.first)).refunds.some(({ status }) => status === 'success');
            await eventually('a part is refunded', succeeded);
            assert.equal((await orderOf(sessions.first)).state, 'overpaid');
            await stack.discrepancy(sessions.first.merchantOrderId, 'duplicate_payment');

            await refund(sessions[which]);
            await stack.discrepancy(sessions.first.merchantOrderId, 'duplicate_payment', 'resolved');
            assert.equal((await orderOf(sessions.first)).state, 'paid');
            await refund(sessions[which === 'first' ? 'second' : 'first']);
            await stack.settled(sessions.first.merchantOrderId, 'refunded');
        });
});

describe('a dispute', () => {
    const endings = { 2: 'processing', 3: 'won', 4: 'lost', 5: 'withdrawn' };

    test('is recorded and leaves the order paid', async () => {
        const session = await paid();
        await stack.twin.act(session.sessionId, 'dispute', { disputeAmount: '12.50' });
        await eventually('it is recorded', async () => (await orderOf(session)).disputes.length === 1);
        const order = await orderOf(session);
        const [dispute] = order.disputes;
        assert.deepEqual([dispute.status, dispute.disputeAmount, dispute.disputeCurrency], ['pending', '12.50', 'USD']);
        assert.equal(dispute.clinkOrderId, order.payments[0].clinkOrderId);
        assert.equal(order.state, 'paid');
    });

    for (const [code, status] of Object.entries(endings))
        for (const sequence of ['as_made', 'reversed'])
            test(`${status}, its events ${sequence === 'reversed' ? 'last first' : 'in order'}`, async () => {
                const session = await paid();
                await stack.webhooks({ hold: true });
                await stack.twin.act(session.sessionId, 'dispute', { status: Number(code) });
                const sent = await stack.twin.flush(sequence);
                await handled(stack.database, sent.map(({ id }) => id));
                const { disputes } = await orderOf(session);
                assert.deepEqual(disputes.map((each) => each.status), [status]);
            });

    test('of an order that nobody here knows is an orphan', async () => {
        await stack.webhooks();
        const body = eventText('dispute.created', {
            chargeBackId: 'cbi_stray', orderId: 'order_of_nobody', merchantReferenceId: ' ', disputeAmount: 10.46,
            disputeCurrency: 'USD', status: 1,
        });
        await deliver(stack.api, body);
        await stack.discrepancy(JSON.parse(body).id, 'orphan_event');
    });

    test('that comes before its payment is known is explained later', async () => {
        const session = (await stack.api.create(stack.order())).json;
        await stack.webhooks({ drop: ['order.created', 'order.succeeded', 'session.complete'], null_reference: true });
        await stack.twin.pay(session.sessionId);
        await stack.twin.act(session.sessionId, 'dispute');
        const told = (await stack.twin.webhooks()).filter(({ type }) => type === 'dispute.created').at(-1);
        await stack.discrepancy(told.id, 'orphan_event');
        await stack.api.refresh(session.sessionId);
        await stack.settled(session.merchantOrderId, 'paid');
        await eventually('it is recorded', async () => (await orderOf(session)).disputes.length === 1, 20);
        await eventually('nothing stays open', async () => (await stack.discrepancies(told.id)).length === 0);
    });
});

test('an order that has both is explained with both', async () => {
    const session = await paid();
    await stack.webhooks({ duplicates: 1 });
    await refund(session, { refundAmount: '5' });
    await stack.twin.act(session.sessionId, 'dispute', { disputeAmount: '7' });
    await eventually('both are recorded', async () => {
        const { refunds, disputes } = await orderOf(session);
        return disputes.length === 1 && refunds[0]?.status === 'success';
    });
    await allHandled(stack, session);
    const order = await orderOf(session);
    const calls = await stack.twin.callCount();
    const { json } = await stack.api.explain(session.merchantOrderId);
    assert.equal(await stack.twin.callCount(), calls, 'Clink is not asked');
    assert.deepEqual([json.merchantOrderId, json.state, json.openDiscrepancies], [session.merchantOrderId, 'partially_refunded', []]);
    assert.ok(Date.parse(json.nextCheckAt) > Date.now());
    const told = json.sentences.join('\n');
    const [{ refundId }] = order.refunds;
    const [{ disputeId }] = order.disputes;
    for (const fact of [session.sessionId, order.payments[0].clinkOrderId, refundId, disputeId, '49.90 USD', 'webhook'])
        assert.ok(told.includes(fact), `${fact} in:\n${told}`);
    assert.ok(!told.includes('/pay/'));
    assert.deepEqual((await stack.finance.explain(session.merchantOrderId)).json.sentences.length, json.sentences.length);
});
